import { mintCredential, type RandomSource } from '../credentials.ts'
import { ChangeConflict, CredentialNotFound, RuleBroken } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import { type Change, Changes } from '../store/changes.ts'
import { type Client, isAdministrator } from '../store/client.ts'
import { ClientRepository } from '../store/client-repository.ts'
import { type ClientSecret, ClientSecretRepository } from '../store/client-secret-repository.ts'
import type { Database } from '../store/tables.ts'
import { deleteTokensOf } from '../store/token-listing.ts'
import { authenticatesBySecret, ClientNotFound, isClientId, type RegistrySources } from './client-registry.ts'
import { keepAdministrators } from './last-admin.ts'
import { newSecret } from './new-secret.ts'

/** Most secrets that a client has at a time: one in use, and the one that is to follow. */
export const maxSecrets = 2

/** When secrets end; times are milliseconds since the epoch. */
export interface SecretWishes {
  /** When the new secret ends; never where it is left out. */
  readonly expiresAt?: number | undefined
  /** When the secret that there is ends: what still uses it has until then. */
  readonly olderExpiresAt?: number | undefined
}

/** A secret as an administrator sees it. */
export type ListedSecret = Omit<ClientSecret, 'hash'>

/** The secrets of clients: added, listed by what tells nobody the secret, and revoked. */
export class ClientSecrets {
  readonly #db: Database
  readonly #changes: Changes
  readonly #random: RandomSource
  readonly #now: () => number

  constructor(db: Database, { now, random, listener }: RegistrySources) {
    this.#db = db
    this.#changes = new Changes(db, now, listener)
    this.#random = random
    this.#now = now
  }

  /**
   * Gives the client another secret, which nobody can ever read again. Throws {@link ClientNotFound}, {@link RuleBroken},
   * and {@link ChangeConflict} where it has two already, or has none at all by the way it authenticates.
   */
  add(
    clientId: string,
    wishes: SecretWishes,
    actor: Actor,
  ): Promise<{ readonly secret: string; readonly stored: ListedSecret }> {
    return this.#changes.make(actor, async (change) => {
      const { db, now, audit } = change
      const client = await lockClient(change, clientId)
      if (!authenticatesBySecret(client))
        throw new ChangeConflict(
          'no-secrets',
          `the client authenticates by ${client.authMethod}, which takes no secret: change its auth_method first`,
        )
      checkEnd('expires_at', wishes.expiresAt, now)
      checkEnd('older_expires_at', wishes.olderExpiresAt, now)
      const secrets = new ClientSecretRepository(db)
      await secrets.deleteExpired(clientId, now)
      const older = await secrets.listActive(clientId, now)
      if (older.length >= maxSecrets)
        throw new ChangeConflict(
          'too-many-secrets',
          `the client has ${maxSecrets} secrets already: revoke the one that is no longer used`,
        )
      if (wishes.olderExpiresAt !== undefined)
        for (const { id } of older) await secrets.expire(id, wishes.olderExpiresAt)
      const secret = mintCredential('psk', this.#random)
      const stored = newSecret(secret, {
        clientId,
        createdAt: now,
        expiresAt: wishes.expiresAt ?? null,
        random: this.#random,
      })
      await secrets.insert(stored)
      await audit({
        action: 'secret.added',
        target: `client:${clientId}`,
        detail: { secret: stored.id, lastFour: stored.lastFour, ...wishes },
      })
      return { secret, stored: withoutHash(stored) }
    })
  }

  /** The secrets that can be used, oldest first. Throws {@link ClientNotFound}. */
  async list(clientId: string): Promise<ListedSecret[]> {
    await findClient(this.#db, clientId)
    const secrets = await new ClientSecretRepository(this.#db).listActive(clientId, this.#now())
    return secrets.map(withoutHash)
  }

  /**
   * Revokes a secret at once, and where it is asked for every token that the client has. Throws {@link ClientNotFound},
   * {@link CredentialNotFound}, and {@link ChangeConflict} where it is the last secret of the last administrator.
   */
  async revoke(
    clientId: string,
    { id, revokesTokens = false }: { readonly id: string; readonly revokesTokens?: boolean },
    actor: Actor,
  ): Promise<void> {
    await this.#changes.make(actor, async (change) => {
      const { db, now, audit, affects } = change
      const client = await lockClient(change, clientId)
      const secrets = new ClientSecretRepository(db)
      const active = await secrets.listActive(clientId, now)
      const secret = active.find((one) => one.id === id)
      if (secret === undefined) throw new CredentialNotFound('secret', id, { kind: 'client', id: clientId })
      if (active.length === 1 && isAdministrator(client)) await keepAdministrators(db, clientId)
      await secrets.delete(id)
      if (revokesTokens) affects({ kind: 'client', id: clientId }, 'revoke')
      await audit({
        action: 'secret.revoked',
        target: `client:${clientId}`,
        detail: { secret: id, lastFour: secret.lastFour, ...(revokesTokens && { tokens: 'revoked' }) },
      })
    })
    // Up to now: until the secret was gone it was good for tokens.
    if (revokesTokens) await deleteTokensOf(this.#db, { kind: 'client', id: clientId }, this.#now())
  }
}

function withoutHash({ hash: _hash, ...listed }: ClientSecret): ListedSecret {
  return listed
}

const tenYearsMs = 3_653 * 86_400_000

function checkEnd(member: string, at: number | undefined, now: number): void {
  if (at === undefined || (at > now && at <= now + tenYearsMs)) return
  throw new RuleBroken(member, `the secret's ${member}`, {
    value: Number.isFinite(at) && Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : String(at),
    rule: 'must be in the future, and at most ten years away',
  })
}

async function lockClient({ db }: Change, id: string): Promise<Client> {
  const client = await findClient(db, id)
  const clients = new ClientRepository(db)
  // In the order in which the registry takes its locks.
  if (isAdministrator(client)) await clients.lockAdmins()
  await clients.lock(id)
  return findClient(db, id)
}

async function findClient(db: Database, id: string): Promise<Client> {
  const client = isClientId(id) ? await new ClientRepository(db).find(id) : undefined
  if (client === undefined) throw new ClientNotFound(id)
  return client
}
