import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Revocation, Revocations, RevocationTarget } from '../revocation.ts'
import { type SharedStore, StoreUnavailable } from '../shared-store.ts'
import { AddressBuckets } from './address-buckets.ts'
import type { TokenLifetimes } from './memory-token-cache.ts'
import type { RedisTokenCache } from './redis-token-cache.ts'
import { endAt, type RevocableProvider } from './revocable-provider.ts'
import type { Mark } from './revocation-marks.ts'
import {
  parseRevocationMessage,
  type RevocationMessage,
  writeRevocationMessage,
} from './revocation-message.ts'
import { endOf, finite } from './token-end.ts'
import type { TokenKey } from './token-hash.ts'
import type { RevokedBy, TokenMemory } from './token-memory.ts'

/** Hears which revocations are heeded; supplied by whoever counts it. */
export interface RevocationListener {
  heeded(kind: RevocationTarget['kind'], effect: Revocation['effect']): void
  /** A message that no gateway has sent. */
  corruptMessage(): void
  /** A token was revoked through the gateway and is not remembered: too many unknown ones came from its address. */
  notRemembered(): void
}

interface RevocationContext {
  readonly memory: TokenMemory
  /** All of them: who revokes a token need not know whose it is. */
  readonly providers: readonly RevocableProvider[]
  /** What counts as one address. */
  readonly networkOf?: (address: string) => string
  readonly lifetimes: TokenLifetimes
  /** What all processes share; `undefined` where there is only one. */
  readonly fleet: { readonly store: SharedStore; readonly cache: RedisTokenCache } | undefined
  readonly clock: Clock
  readonly listener: RevocationListener
}

/** What becomes of tokens: nothing more is remembered of them after a `drop`, and everything else until a time. */
interface TokenNotice {
  readonly keys: readonly TokenKey[]
  readonly effect: Revocation['effect'] | 'drop'
  readonly lastingMs: number
  readonly by: RevokedBy
}

type Mass = Exclude<RevocationTarget, { readonly kind: 'token' | 'token-hash' }>

const topic = 'revocations'

/** How long a revoked token is remembered: until it ends, within these bounds, since not every token says when. */
const tombstoneMs = { least: 24 * 3_600_000, most: 30 * 24 * 3_600_000 } as const

/** How much longer than any answer lives the store remembers that one was outdated. */
const refreshMarginMs = 60_000

/**
 * How many unknown tokens an address may revoke through the gateway and have remembered: more than any service revokes in
 * earnest at once. Providers answer 200 for tokens that were made up (RFC 7009 §2.2).
 */
const perAddress = { limit: 600, windowMs: 60_000 }

/** Pause before the marks are read again that could not be. */
const rereadMs = 500

/** Takes revocations to every gateway process, and heeds what the others announce. */
export class TokenRevocations implements Revocations {
  readonly #context: RevocationContext
  readonly #unknown: AddressBuckets
  #isCatchingUp = false
  /** How often messages have ceased to be heard. */
  #silences = 0
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(context: RevocationContext) {
    this.#context = context
    const { networkOf = (address) => address } = context
    this.#unknown = new AddressBuckets({ perAddress, networkOf })
    const { fleet, memory, clock } = context
    if (fleet === undefined) return
    // Until its marks are read this process knows of no revocation.
    memory.marks.becomeBlind(clock())
    fleet.store.onMessage(topic, (text) => this.#hear(text))
    fleet.store.onChange(() => this.#noteStore())
    this.#noteStore()
  }

  async announce({ target, effect, providers: names, passedFrom }: Revocation): Promise<void> {
    const { providers } = this.#context
    const meant = names === undefined ? providers : providers.filter(({ name }) => names.includes(name))
    const scopes = names === undefined ? [undefined] : meant.map(({ hasher }) => hasher.scope)
    if (target.kind === 'token-hash') {
      const keys = meant.map(({ hasher }) => hasher.keyOfHash(target.hash))
      await this.#announceKeys(keys, target.expiresAtMs ?? 0, effect)
    } else if (target.kind !== 'token') await this.#announceMass(target, effect, scopes)
    else if (passedFrom === undefined)
      await this.#announceKeys(this.#keysOf(target.token, meant), endOf(target.token), effect)
    else await this.#announcePassed(target.token, passedFrom, meant)
  }

  /** Stops catching up; what is announced then is heeded by this process alone. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
  }

  /** @param saidEndMs When the token ends by what it or its sender says; 0 where neither does. */
  async #announceKeys(
    keys: readonly TokenKey[],
    saidEndMs: number,
    effect: Revocation['effect'],
  ): Promise<void> {
    const { memory, clock } = this.#context
    const endMs = Math.max(
      ...keys.map((key) => finite(memory.cache.get(key)?.metadata.expiresAtMs)),
      saidEndMs,
    )
    const lastingMs = Math.min(Math.max(endMs - clock(), tombstoneMs.least), tombstoneMs.most)
    await this.#notify({ keys, effect, lastingMs, by: 'announced' })
  }

  /**
   * A token that its provider has just answered about itself. Whoever is asked says no from now on, so that the
   * revocation has to outlive older answers only. Of a token that is checked here nobody is asked: it is remembered until
   * its end, if it is one that would pass. Of made-up tokens more than the cap are not remembered at all; that they may be
   * known is forgotten, which is all that a true one still needs.
   */
  async #announcePassed(
    token: string,
    address: string,
    providers: readonly RevocableProvider[],
  ): Promise<void> {
    const { memory, clock, listener } = this.#context
    const keys = this.#keysOf(token, providers)
    const isKnown = keys.some((key) => memory.cache.get(key) !== undefined)
    const locals = providers.filter(({ isLocal }) => isLocal)
    const endOfToken = { token, memory, latestMs: clock() + tombstoneMs.least }
    const ends = locals.map((provider) => ({ provider, endMs: endAt(provider, endOfToken) }))
    const isWithinCap = isKnown || this.#unknown.take(address, clock()) === 0
    if (!isWithinCap) listener.notRemembered()
    const lastingMs = this.#answersLiveMs
    const effect = isWithinCap ? 'revoke' : 'drop'
    const noticed = this.#notify({ keys, effect, lastingMs, by: 'passed-through' })
    // The first is told by now: what follows is for the longer time.
    const remembered = ends.map(async ({ provider, endMs }) => {
      const restMs = Math.min((await endMs) - clock(), tombstoneMs.most)
      if (restMs <= 0) return
      await noticed.catch(() => undefined)
      const own = this.#keysOf(token, [provider])
      await this.#notify({ keys: own, effect: 'revoke', lastingMs: restMs, by: 'passed-through' })
    })
    await Promise.all([noticed, ...remembered])
  }

  /** In every form that the token can have. */
  #keysOf(token: string, providers: readonly RevocableProvider[]): TokenKey[] {
    const keys = providers.flatMap(({ hasher }) => [hasher.keyOf(token), hasher.twinKeyOf(token)])
    return keys.filter((key) => key !== undefined)
  }

  /** How long an answer that was asked for by now may be used, anywhere. */
  get #answersLiveMs(): number {
    const { ttlMs, staleIfErrorMs } = this.#context.lifetimes
    return ttlMs + staleIfErrorMs + refreshMarginMs
  }

  /** Heeds it here, and has the store and the other processes know it. */
  async #notify(notice: TokenNotice): Promise<void> {
    const { fleet, memory, clock, listener, lifetimes } = this.#context
    const { keys, effect, lastingMs, by } = notice
    const nowMs = clock()
    for (const key of keys) heedToken(memory, { key, effect, untilMs: nowMs + lastingMs, by })
    const told = effect === 'drop' ? 'refresh' : effect
    listener.heeded('token', told)
    if (fleet === undefined) return
    for (const key of keys) memory.distrusted.add(key, nowMs + lifetimes.ttlMs)
    await announcing(async () => {
      await Promise.all(keys.map((key) => this.#tellStore(fleet.cache, key, notice)))
      for (const key of keys) memory.distrusted.delete(key)
      await this.#tell({ kind: 'token', keys, effect: told, lastingMs, by })
    })
  }

  async #tellStore(cache: RedisTokenCache, key: TokenKey, { effect, lastingMs }: TokenNotice): Promise<void> {
    if (effect === 'drop') await cache.drop(key)
    else if (effect === 'revoke') await cache.revoke(key, 'revoke', lastingMs)
    else await cache.revoke(key, `refresh ${randomBytes(9).toString('base64url')}`, this.#answersLiveMs)
  }

  async #announceMass(
    target: Mass,
    effect: Revocation['effect'],
    scopes: readonly (string | undefined)[],
  ): Promise<void> {
    const id = target.kind === 'all' ? '' : target.id
    await announcing(async () => {
      const marks = scopes.map((scope) => ({ effect, kind: target.kind, id, scope }))
      await Promise.all(marks.map((mark) => this.#announceMark(mark)))
    })
  }

  async #announceMark(mark: Omit<Mark, 'atMs'>): Promise<void> {
    const { fleet, memory } = this.#context
    if (fleet === undefined) {
      this.#heedMark({ ...mark, atMs: this.#ownTimeMs() })
      return
    }
    const atMs = await fleet.cache.addMark(mark, memory.marks.latestMs).catch((error: unknown) => {
      this.#heedMark({ ...mark, atMs: this.#ownTimeMs() }, { isInStore: false })
      throw error
    })
    this.#heedMark({ ...mark, atMs }, { isToldAtLast: true })
    await this.#tell({ kind: 'mark', mark: { ...mark, atMs } })
  }

  /** A mark's time where no store gives one. */
  #ownTimeMs(): number {
    return Math.max(this.#context.clock(), this.#context.memory.marks.latestMs + 1)
  }

  async #tell(message: RevocationMessage): Promise<void> {
    const { fleet } = this.#context
    await fleet?.store.publish(topic, writeRevocationMessage(message, fleet.store.processId))
  }

  #hear(text: string): void {
    const { fleet, memory, clock, listener } = this.#context
    const heard = parseRevocationMessage(text)
    if (heard === undefined) listener.corruptMessage()
    else if (heard.from === fleet?.store.processId) return
    else if (heard.message.kind === 'mark') this.#heedMark(heard.message.mark)
    else {
      const { keys, effect, lastingMs, by } = heard.message
      const untilMs = clock() + Math.min(lastingMs, tombstoneMs.most)
      for (const key of keys) heedToken(memory, { key, effect, untilMs, by })
      listener.heeded('token', effect)
    }
  }

  #heedMark(...mark: Parameters<TokenMemory['marks']['heed']>): void {
    if (this.#context.memory.marks.heed(...mark)) this.#context.listener.heeded(mark[0].kind, mark[0].effect)
  }

  #noteStore(): void {
    const { fleet, memory, clock } = this.#context
    if (fleet === undefined || this.#isClosed) return
    if (!fleet.store.isListening) {
      this.#silences += 1
      memory.marks.becomeBlind(clock())
    } else if (memory.marks.isBlind && !this.#isCatchingUp) void this.#catchUp(fleet.cache)
  }

  /** Once messages are heard again, learns of the marks that were missed; what was revoked by itself is asked later. */
  async #catchUp(cache: RedisTokenCache): Promise<void> {
    const silences = this.#silences
    this.#isCatchingUp = true
    try {
      for (const mark of await cache.marks()) this.#heedMark(mark)
      // What was announced while they were read was heard, unless there was silence again.
      if (silences === this.#silences) this.#context.memory.marks.see()
    } catch {
      this.#tryAgain(rereadMs)
    } finally {
      this.#isCatchingUp = false
    }
    if (silences !== this.#silences) this.#tryAgain(0)
  }

  #tryAgain(pauseMs: number): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#noteStore(), pauseMs)
    this.#retry.unref()
  }
}

interface HeededToken extends Pick<TokenNotice, 'effect' | 'by'> {
  readonly key: TokenKey
  readonly untilMs: number
}

function heedToken(memory: TokenMemory, { key, effect, untilMs, by }: HeededToken): void {
  if (effect === 'revoke') memory.revoke(key, untilMs, by)
  else memory.forget(key)
}

/** Whatever goes wrong on the way to the store: the others have not heard, and it must be announced again. */
async function announcing(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    throw new StoreUnavailable('the revocation could not be written to the store', error)
  }
}
