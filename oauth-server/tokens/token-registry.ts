import { CredentialNotFound, ThingNotFound } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Page, PageRequest } from '../store/bounded-scan.ts'
import type { Changes } from '../store/changes.ts'
import type { Database } from '../store/tables.ts'
import {
  deleteAccessToken,
  deleteTokensOf,
  findToken,
  type ListedToken,
  pageTokens,
  type TokenOwner,
} from '../store/token-listing.ts'
import { TokenRepository } from '../store/token-repository.ts'

/** What the registry works with. */
export interface TokenRegistryMeans {
  readonly db: Database
  readonly now: () => number
  readonly changes: Changes
}

/** The tokens of a client or of a user: listed by what tells nobody the token, and revoked. */
export class TokenRegistry {
  readonly #means: TokenRegistryMeans

  constructor(means: TokenRegistryMeans) {
    this.#means = means
  }

  /** Newest first. Throws {@link ThingNotFound} where there is no such client or user. */
  async page(owner: TokenOwner, request: PageRequest): Promise<Page<ListedToken>> {
    const { db, now } = this.#means
    await requireOwner(db, owner)
    return pageTokens(db, owner, { ...request, now: now() })
  }

  /**
   * Revokes one token at once. With a refresh token goes everything that descends from the same grant (RFC 7009 §2.1).
   * Throws {@link ThingNotFound}, which {@link CredentialNotFound} is.
   */
  revoke(owner: TokenOwner, id: string, actor: Actor): Promise<void> {
    return this.#means.changes.make(actor, async ({ db, now, audit, affects }) => {
      await requireOwner(db, owner)
      const token = await findToken(db, owner, { id, now })
      if (token === undefined) throw new CredentialNotFound('token', id, owner)
      const { hash, kind, familyId, lastFour, expiresAt } = token
      if (kind === 'refresh' && familyId !== null) {
        // Its access tokens are looked for at the end: those of a refresh that was faster are among them.
        await new TokenRepository(db).revokeFamily(familyId, now)
        affects({ kind: 'family', id: familyId }, 'revoke')
      } else {
        affects({ kind: 'token', id: hash, expiresAt }, 'revoke')
        await deleteAccessToken(db, hash)
      }
      await audit({
        action: 'token.revoked',
        target: `${owner.kind}:${owner.id}`,
        detail: { token: id, kind, lastFour },
      })
    })
  }

  /**
   * Revokes whatever tokens there are now, in small steps; returns how many went. The trail says so before the first of
   * them goes. Throws {@link ThingNotFound}.
   */
  async revokeAll(owner: TokenOwner, actor: Actor): Promise<number> {
    await this.#means.changes.make(actor, async ({ db, audit, affects }) => {
      await requireOwner(db, owner)
      affects({ kind: owner.kind, id: owner.id }, 'revoke')
      await audit({ action: 'tokens.revoked', target: `${owner.kind}:${owner.id}` })
    })
    return deleteTokensOf(this.#means.db, owner, this.#means.now())
  }
}

async function requireOwner(db: Database, { kind, id }: TokenOwner): Promise<void> {
  const row = await db
    .selectFrom(kind === 'client' ? 'clients' : 'users')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw new ThingNotFound(kind, id)
}
