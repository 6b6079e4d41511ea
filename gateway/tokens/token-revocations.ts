import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Revocation, Revocations, RevocationTarget } from '../revocation.ts'
import { type SharedStore, StoreUnavailable } from '../shared-store.ts'
import type { TokenLifetimes } from './memory-token-cache.ts'
import type { RedisTokenCache } from './redis-token-cache.ts'
import {
  parseRevocationMessage,
  type RevocationMessage,
  writeRevocationMessage,
} from './revocation-message.ts'
import { endOf } from './token-end.ts'
import type { TokenHasher, TokenKey } from './token-hash.ts'
import type { TokenMemory } from './token-memory.ts'

/** Hears which revocations are heeded; supplied by whoever counts it. */
export interface RevocationListener {
  heeded(kind: RevocationTarget['kind'], effect: Revocation['effect']): void
  /** A message that no gateway has sent. */
  corruptMessage(): void
}

interface RevocationContext {
  readonly memory: TokenMemory
  /** Of every identity provider: who revokes a token need not know whose it is. */
  readonly hashers: readonly TokenHasher[]
  readonly lifetimes: TokenLifetimes
  /** What all processes share; `undefined` where there is only one. */
  readonly fleet: { readonly store: SharedStore; readonly cache: RedisTokenCache } | undefined
  readonly clock: Clock
  readonly listener: RevocationListener
  /** Gives the other form that a token can have, if there is one. */
  readonly twinOf: (token: string) => string | undefined
}

type Mass = Exclude<RevocationTarget, { readonly kind: 'token' }>

const topic = 'revocations'

/** How long a revoked token is remembered: until it ends, within these bounds, since not every token says when. */
const tombstoneMs = { least: 24 * 3_600_000, most: 30 * 24 * 3_600_000 } as const

/** How much longer than any answer lives the store remembers that one was outdated. */
const refreshMarginMs = 60_000

/** Pause before the marks are read again that could not be. */
const rereadMs = 500

/** Takes revocations to every gateway process, and heeds what the others announce. */
export class TokenRevocations implements Revocations {
  readonly #context: RevocationContext
  #isCatchingUp = false
  /** How often messages have ceased to be heard. */
  #silences = 0
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(context: RevocationContext) {
    this.#context = context
    const { fleet, memory, clock } = context
    if (fleet === undefined) return
    // Until its marks are read this process knows of no revocation.
    memory.marks.becomeBlind(clock())
    fleet.store.onMessage(topic, (text) => this.#hear(text))
    fleet.store.onChange(() => this.#noteStore())
    this.#noteStore()
  }

  async announce({ target, effect }: Revocation): Promise<void> {
    if (target.kind === 'token') await this.#announceToken(target.token, effect)
    else await this.#announceMass(target, effect)
  }

  /** Stops catching up; what is announced then is heeded by this process alone. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
  }

  async #announceToken(token: string, effect: Revocation['effect']): Promise<void> {
    const { fleet, hashers, memory, clock, listener, lifetimes, twinOf } = this.#context
    const twin = twinOf(token)
    const forms = twin === undefined ? [token] : [token, twin]
    const keys = hashers.flatMap((hasher) => forms.map((form) => hasher.keyOf(form)))
    const nowMs = clock()
    const endMs = Math.max(
      ...keys.map((key) => finite(memory.cache.get(key)?.metadata.expiresAtMs)),
      endOf(token),
    )
    const lastingMs = Math.min(Math.max(endMs - nowMs, tombstoneMs.least), tombstoneMs.most)
    for (const key of keys) heedToken(memory, { key, effect, untilMs: nowMs + lastingMs })
    listener.heeded('token', effect)
    if (fleet === undefined) return
    const { ttlMs, staleIfErrorMs } = lifetimes
    const [word, lifetimeMs] =
      effect === 'revoke'
        ? ['revoke', lastingMs]
        : [`refresh ${randomBytes(9).toString('base64url')}`, ttlMs + staleIfErrorMs + refreshMarginMs]
    for (const key of keys) memory.distrusted.add(key, nowMs + ttlMs)
    await announcing(async () => {
      await Promise.all(keys.map((key) => fleet.cache.revoke(key, word, lifetimeMs)))
      for (const key of keys) memory.distrusted.delete(key)
      await this.#tell({ kind: 'token', keys, effect, lastingMs })
    })
  }

  async #announceMass(target: Mass, effect: Revocation['effect']): Promise<void> {
    const { fleet, memory } = this.#context
    const mark = { effect, kind: target.kind, id: target.kind === 'all' ? '' : target.id }
    if (fleet === undefined) {
      this.#heedMark({ ...mark, atMs: this.#ownTimeMs() })
      return
    }
    await announcing(async () => {
      const atMs = await fleet.cache.addMark(mark, memory.marks.latestMs).catch((error: unknown) => {
        this.#heedMark({ ...mark, atMs: this.#ownTimeMs() }, { isInStore: false })
        throw error
      })
      this.#heedMark({ ...mark, atMs }, { isToldAtLast: true })
      await this.#tell({ kind: 'mark', mark: { ...mark, atMs } })
    })
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
      const { keys, effect, lastingMs } = heard.message
      const untilMs = clock() + Math.min(lastingMs, tombstoneMs.most)
      for (const key of keys) heedToken(memory, { key, effect, untilMs })
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

function heedToken(
  memory: TokenMemory,
  { key, effect, untilMs }: { key: TokenKey; effect: Revocation['effect']; untilMs: number },
): void {
  if (effect === 'revoke') memory.revoke(key, untilMs)
  else memory.forget(key)
}

function finite(timeMs: number | undefined): number {
  return timeMs !== undefined && Number.isFinite(timeMs) ? timeMs : 0
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
