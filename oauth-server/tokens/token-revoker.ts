import { hashCredential } from '../credentials.ts'
import type { Actor } from '../store/audit-repository.ts'
import { type Change, type ChangeListener, Changes } from '../store/changes.ts'
import type { Database } from '../store/tables.ts'
import { TokenRepository } from '../store/token-repository.ts'

/** What a revocation has ended: one access token by its hash, or a family with all that descends from its grant. */
type Revoked =
  | { readonly kind: 'access_token'; readonly hash: string; readonly expiresAt: number }
  | { readonly kind: 'refresh_token'; readonly familyId: string }

/** Revokes tokens for the clients that have them (RFC 7009). */
export class TokenRevoker {
  readonly #changes: Changes

  constructor(db: Database, now: () => number, listener?: ChangeListener) {
    this.#changes = new Changes(db, now, listener)
  }

  /**
   * Revokes a token of the client that asks: a refresh token, used or not, with its whole family; an access token by itself.
   * A token that is unknown, another client's, or revoked already, leaves everything as it is, and nobody is told.
   */
  revoke(token: string, clientId: string, actor: Actor): Promise<void> {
    const hash = hashCredential(token)
    return this.#changes.make(actor, async (change) => {
      const revoked = await end(hash, clientId, change)
      if (revoked !== undefined) await note(revoked, clientId, change)
    })
  }
}

async function end(hash: string, clientId: string, { db, now }: Change): Promise<Revoked | undefined> {
  const tokens = new TokenRepository(db)
  const expiresAt = await tokens.deleteAccessToken(hash, clientId)
  if (expiresAt !== undefined) return { kind: 'access_token', hash, expiresAt }
  const familyId = await tokens.revokeFamilyOf(hash, { clientId, now })
  return familyId === undefined ? undefined : { kind: 'refresh_token', familyId }
}

/** Everybody who must know of a revocation is told here, in the transaction that makes it. */
async function note(revoked: Revoked, clientId: string, change: Change): Promise<void> {
  if (revoked.kind === 'access_token')
    change.affects({ kind: 'token', id: revoked.hash, expiresAt: revoked.expiresAt }, 'revoke')
  else change.affects({ kind: 'family', id: revoked.familyId }, 'revoke')
  await change.audit({
    action: 'token.revoked',
    target: `client:${clientId}`,
    detail: { token_type: revoked.kind },
  })
}
