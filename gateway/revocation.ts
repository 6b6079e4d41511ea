/** Whose tokens a revocation is about. */
export type RevocationTarget =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'client'; readonly id: string }
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'all' }

/** What a gateway is told of tokens that it may have in its caches. */
export interface Revocation {
  readonly target: RevocationTarget
  /**
   * `revoke`: the tokens that there are by now are refused for good, whatever a provider's answer says that was asked for
   * before. `refresh`: what is remembered of them is no longer true (a client's roles or quota have changed), and asked
   * for again.
   */
  readonly effect: 'revoke' | 'refresh'
}

/** Takes revocations to every gateway process. */
export interface Revocations {
  /**
   * Resolves once this process heeds the revocation and the store holds it for the others. Rejects with
   * `StoreUnavailable` when only this process heeds it: then it must be announced again.
   */
  announce(revocation: Revocation): Promise<void>
}
