/** Whose tokens a revocation is about. */
export type RevocationTarget =
  | { readonly kind: 'token'; readonly token: string }
  | {
      /** A token of which the sender knows no more than its hash, as an authorization server that stores hashes. */
      readonly kind: 'token-hash'
      /** The token's SHA-256 digest in hexadecimal, in lower case. */
      readonly hash: string
      /** When the token ends, in milliseconds since the epoch; `undefined` where the sender does not say. */
      readonly expiresAtMs: number | undefined
    }
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
  /** The names of the identity providers whose tokens are meant; all of them where it is left out. */
  readonly providers?: readonly string[]
  /**
   * Of a token that was revoked at its provider, through the gateway: the address from which it was. The provider knows
   * of it then, and whoever sends it may have made the token up.
   */
  readonly passedFrom?: string
}

/** Takes revocations to every gateway process. */
export interface Revocations {
  /**
   * Resolves once this process heeds the revocation and the store holds it for the others. Rejects with
   * `StoreUnavailable` when only this process heeds it: then it must be announced again.
   */
  announce(revocation: Revocation): Promise<void>
}
