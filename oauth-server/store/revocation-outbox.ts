import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Database, Tables } from './tables.ts'

/** Whom a change concerns. */
export interface Subject {
  /** A client, a user, all clients of a plan, one access token, or all that descend from one grant. */
  readonly kind: 'client' | 'user' | 'plan' | 'token' | 'family'
  /** An id; of a token the hash that it is stored by. */
  readonly id: string
  /** When the token ends, in milliseconds since the epoch, where its row is deleted in the same transaction. */
  readonly expiresAt?: number
}

/**
 * What the change means for whoever keeps answers about the subject's tokens: `refresh` says that they stand for
 * something else from now on, `revoke` that they are no longer good.
 */
export type Effect = 'refresh' | 'revoke'

export interface Affected {
  readonly subject: Subject
  readonly effect: Effect
}

/** What a gateway is told at once. */
export interface PushedRevocation {
  readonly kind: 'token' | 'client' | 'user' | 'all'
  /** An id; of a token its hash, in hexadecimal; empty for all. */
  readonly target: string
  readonly effect: Effect
  /** When the token ends, in milliseconds since the epoch; `null` where that is not known, or it is no token. */
  readonly tokenExpiresAt: number | null
}

/** What one gateway is still to be told. */
export interface WaitingPush extends PushedRevocation {
  readonly id: string
  readonly createdAt: number
  /** How often it was claimed, this time counted. */
  readonly attempts: number
}

/**
 * No answer about an opaque token lives longer in a gateway, nor does its memory of a client's or a user's revocation:
 * what could not be told for so long need not be told any more.
 */
const lastingMs = 86_400_000

/** The longest for which a gateway remembers a revoked token. */
const longestMs = 30 * 86_400_000

/** A token that ends now may be good for as long by a gateway's clock. */
const skewMs = 60_000

/** Of more clients of a plan, or tokens of a grant, a gateway is not told one by one: it asks about all tokens again. */
const maxApart = 5_000

/** Rows in one statement: SQLite and Postgres bound the parameters of one. */
const maxRows = 500

/** How long a gateway is remembered that no server names any more. */
const gatewayMemoryMs = 2 * 86_400_000

/** What the gateways are to be told, and have not been yet: a row for each gateway, written along with the change. */
export class RevocationOutbox {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Notes that a server tells this gateway. One that is new may know what it was never told: it is to ask about every
   * token again.
   */
  async register(gateway: string, now: number): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const added = await db
        .insertInto('gateways')
        .values({ url: gateway, seen_at: now })
        .onConflict((conflict) => conflict.column('url').doNothing())
        .returning('url')
        .executeTakeFirst()
      if (added === undefined)
        await db.updateTable('gateways').set({ seen_at: now }).where('url', '=', gateway).execute()
      else
        await db
          .insertInto('revocation_pushes')
          .values(toRow(aboutAll, gateway, now))
          .execute()
    })
  }

  /** Notes for every gateway what it is to be told. */
  async add(affected: readonly Affected[], now: number): Promise<void> {
    if (affected.length === 0) return
    const gateways = await this.#db.selectFrom('gateways').select('url').execute()
    if (gateways.length === 0) return
    const told = new Map<string, PushedRevocation>()
    for (const each of affected)
      for (const push of await this.#pushesOf(each, now)) told.set(nameOf(push), push)
    const rows = [...told.values()].flatMap((push) => gateways.map(({ url }) => toRow(push, url, now)))
    for (let start = 0; start < rows.length; start += maxRows)
      await this.#db
        .insertInto('revocation_pushes')
        .values(rows.slice(start, start + maxRows))
        .execute()
  }

  /**
   * Takes up to so many pushes for a gateway that are due, revocations first, in the order in which they became so. Nobody
   * else gets them before `leaseMs` are over, and then again, unless they are done by then.
   */
  async claim(
    gateway: string,
    { now, leaseMs, count }: { readonly now: number; readonly leaseMs: number; readonly count: number },
  ): Promise<WaitingPush[]> {
    // A bulk of changed users is told of for minutes, and a token that was stolen must not wait for that.
    const due = await this.#due(gateway, 'revoke', now).limit(count).execute()
    if (due.length < count)
      due.push(
        ...(await this.#due(gateway, 'refresh', now)
          .limit(count - due.length)
          .execute()),
      )
    // Mostly there is nothing, and reading takes no lock.
    if (due.length === 0) return []
    const claimed = await this.#db
      .updateTable('revocation_pushes')
      .set(({ eb }) => ({ due_at: now + leaseMs, attempts: eb('attempts', '+', 1) }))
      .where(
        'id',
        'in',
        due.map(({ id }) => id),
      )
      // Of two who have read the same rows the second finds them claimed.
      .where('due_at', '<=', now)
      .returningAll()
      .execute()
    return claimed.sort((one, other) => one.created_at - other.created_at).map(toPush)
  }

  /** The gateway has been told: nothing more is to be done. */
  async done(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#db.deleteFrom('revocation_pushes').where('id', 'in', ids).execute()
  }

  /** Gives claimed pushes back, to be taken again from this time on. */
  async putOff(ids: readonly string[], until: number): Promise<void> {
    if (ids.length > 0)
      await this.#db.updateTable('revocation_pushes').set({ due_at: until }).where('id', 'in', ids).execute()
  }

  /** How many pushes each gateway is waiting for. */
  async countWaiting(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('revocation_pushes')
      .select(({ fn }) => ['gateway', fn.countAll().as('count')])
      .groupBy('gateway')
      .execute()
    return new Map(rows.map(({ gateway, count }) => [gateway, Number(count)]))
  }

  #due(gateway: string, effect: Effect, now: number) {
    return this.#db
      .selectFrom('revocation_pushes')
      .select('id')
      .where('gateway', '=', gateway)
      .where('effect', '=', effect)
      .where('due_at', '<=', now)
      .where('expires_at', '>', now)
      .orderBy('due_at')
  }

  async #pushesOf({ subject, effect }: Affected, now: number): Promise<PushedRevocation[]> {
    const { kind, id } = subject
    switch (kind) {
      case 'client':
      case 'user':
        return [{ kind, target: id, effect, tokenExpiresAt: null }]
      case 'token':
        return [{ kind, target: id, effect, tokenExpiresAt: subject.expiresAt ?? (await this.#endOf(id)) }]
      case 'family':
        return oneByOne(await this.#tokensOf(id, now), ({ hash, expires_at: tokenExpiresAt }) => ({
          ...{ kind: 'token', target: hash, effect, tokenExpiresAt },
        }))
      case 'plan':
        return oneByOne(await this.#clientsOf(id), (client) => ({
          ...{ kind: 'client', target: client.id, effect, tokenExpiresAt: null },
        }))
      default:
        return kind satisfies never
    }
  }

  async #endOf(hash: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('access_tokens')
      .select('expires_at')
      .where('hash', '=', hash)
      .executeTakeFirst()
    return row?.expires_at ?? null
  }

  #tokensOf(familyId: string, now: number) {
    return this.#db
      .selectFrom('access_tokens')
      .select(['hash', 'expires_at'])
      .where('family_id', '=', familyId)
      .where('expires_at', '>', now)
      .limit(maxApart + 1)
      .execute()
  }

  #clientsOf(planId: string) {
    return this.#db
      .selectFrom('clients')
      .select('id')
      .where('plan_id', '=', planId)
      .limit(maxApart + 1)
      .execute()
  }
}

/** Deletes up to so many pushes that nobody needs any more, and gateways that no server names; gives how many went. */
export async function deleteExpiredPushes(db: Database, now: number, batchSize: number): Promise<number> {
  const pushes = await db
    .deleteFrom('revocation_pushes')
    .where('id', 'in', (rows) =>
      rows.selectFrom('revocation_pushes').select('id').where('expires_at', '<=', now).limit(batchSize),
    )
    .executeTakeFirst()
  const gateways = await db
    .deleteFrom('gateways')
    .where('seen_at', '<=', now - gatewayMemoryMs)
    .executeTakeFirst()
  return Number(pushes.numDeletedRows) + Number(gateways.numDeletedRows)
}

const aboutAll: PushedRevocation = { kind: 'all', target: '', effect: 'refresh', tokenExpiresAt: null }

function oneByOne<T>(items: readonly T[], toPushed: (item: T) => PushedRevocation): PushedRevocation[] {
  return items.length > maxApart ? [aboutAll] : items.map(toPushed)
}

/** Names what a gateway is told, so that it is told each thing once. */
export function nameOf({ kind, target, effect }: PushedRevocation): string {
  return `${effect} ${kind} ${target}`
}

function toRow(
  push: PushedRevocation,
  gateway: string,
  now: number,
): Selectable<Tables['revocation_pushes']> {
  const { kind, target, effect, tokenExpiresAt } = push
  return {
    id: randomUUID(),
    gateway,
    kind,
    target,
    effect,
    token_expires_at: tokenExpiresAt,
    created_at: now,
    due_at: now,
    attempts: 0,
    expires_at:
      tokenExpiresAt === null ? now + lastingMs : Math.min(tokenExpiresAt + skewMs, now + longestMs),
  }
}

/** Only this file writes the columns whose texts are told apart here. */
function toPush(row: Selectable<Tables['revocation_pushes']>): WaitingPush {
  return {
    id: row.id,
    kind: row.kind as PushedRevocation['kind'],
    target: row.target,
    effect: row.effect as Effect,
    tokenExpiresAt: row.token_expires_at,
    createdAt: row.created_at,
    attempts: row.attempts,
  }
}
