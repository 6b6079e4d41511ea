import type { SharedStore } from '../shared-store.ts'
import { type Mark, markLifetimeMs, nameOf } from './revocation-marks.ts'
import { readSharedAnswer, type SharedAnswer, writeSharedAnswer } from './shared-answer.ts'
import { shortText, type TokenKey } from './token-hash.ts'
import { addMark, dropToken, fillToken, readMarks, readTokens, revokeToken } from './token-scripts.ts'

/** What the store holds of a token. */
export interface SharedToken {
  /** What it means, and for how many milliseconds that may still be used. */
  readonly answer: (SharedAnswer & { readonly leftMs: number }) | undefined
  /** `revoke`, the word of the last refresh, or nothing. */
  readonly revocation: string
}

/** Hears of what is in the store and should not be. */
export interface SharedCacheListener {
  corruptEntry(): void
}

interface Waiting {
  readonly key: TokenKey
  settle(token: SharedToken | undefined): void
}

/** Most tokens that are read in one script: it holds the store for well under a millisecond. */
const maxBatch = 100

/** What all processes know of tokens together. Where the store gives no answer, it is as if it held nothing. */
export class RedisTokenCache {
  readonly #store: SharedStore
  readonly #listener: SharedCacheListener
  readonly #marksKey: string
  #waiting = new Map<string, Waiting[]>()

  constructor(store: SharedStore, listener: SharedCacheListener) {
    this.#store = store
    this.#listener = listener
    this.#marksKey = store.key(store.bucketOf('revocation marks'), 'revocation-marks')
  }

  /** Whether the store gives answers. */
  get isUp(): boolean {
    return this.#store.isUp
  }

  /** What is held of a token; `undefined` when the store gives no answer. All that is read in one go is one call. */
  read(key: TokenKey): Promise<SharedToken | undefined> {
    if (!this.#store.isUp) return Promise.resolve(undefined)
    return new Promise((settle) => {
      const bucket = this.#bucketOf(key)
      if (this.#waiting.size === 0) setImmediate(() => this.#readAll())
      const waiting = this.#waiting.get(bucket)
      if (waiting === undefined) this.#waiting.set(bucket, [{ key, settle }])
      else waiting.push({ key, settle })
    })
  }

  /** Holds an answer for so long, unless the token was revoked since it was read. Waits for nothing. */
  fill(
    key: TokenKey,
    answer: SharedAnswer,
    { leftMs, revocation }: { leftMs: number; revocation: string },
  ): void {
    const text = writeSharedAnswer(answer)
    const wholeMs = Math.floor(leftMs)
    if (text === undefined || wholeMs <= 0) return
    this.#store.run(fillToken, this.#keysOf(key), [text, wholeMs, revocation]).catch(() => undefined)
  }

  /** Drops the answer about a token. Rejects when the store does not say that it did. */
  async drop(key: TokenKey): Promise<void> {
    await this.#store.run(dropToken, this.#keysOf(key).slice(0, 1), [])
  }

  /** Holds that a token is revoked, or its answer outdated. Rejects when the store does not say that it does. */
  async revoke(key: TokenKey, revocation: string, lifetimeMs: number): Promise<void> {
    await this.#store.run(revokeToken, this.#keysOf(key), [revocation, Math.ceil(lifetimeMs)])
  }

  /** Holds a mark, and gives its time. Rejects when the store does not say that it does, and when. */
  async addMark(mark: Omit<Mark, 'atMs'>, latestMs: number): Promise<number> {
    const args = [nameOf(mark), Math.floor(latestMs), markLifetimeMs]
    const held = parseMark(nameOf(mark), Number(await this.#store.run(addMark, [this.#marksKey], args)))
    if (held !== undefined) return held.atMs
    this.#listener.corruptEntry()
    throw new Error('the store gives no time of a mark')
  }

  /** All marks. Rejects when the store gives no answer. */
  async marks(): Promise<Mark[]> {
    const pairs = await this.#store.run(readMarks, [this.#marksKey], [])
    const texts = Array.isArray(pairs) ? pairs.map(String) : []
    return texts.flatMap((name, index) => {
      if (index % 2 === 1 || name === 'last') return []
      const mark = parseMark(name, Number(texts[index + 1]))
      if (mark === undefined) this.#listener.corruptEntry()
      return mark ?? []
    })
  }

  #readAll(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const tokens of waiting.values())
      for (let start = 0; start < tokens.length; start += maxBatch)
        void this.#readBatch(tokens.slice(start, start + maxBatch))
  }

  async #readBatch(tokens: readonly Waiting[]): Promise<void> {
    const keys = tokens.flatMap(({ key }) => this.#keysOf(key))
    const values = await this.#store.run(readTokens, keys, []).catch(() => undefined)
    for (const [index, { settle }] of tokens.entries())
      settle(Array.isArray(values) ? this.#parse(values.slice(3 * index, 3 * index + 3)) : undefined)
  }

  #parse([text, leftMs, revocation]: readonly unknown[]): SharedToken | undefined {
    if (typeof text !== 'string' || typeof leftMs !== 'number' || typeof revocation !== 'string')
      return undefined
    if (revocation !== '' && !/^(?:revoke|refresh [\w-]+)$/.test(revocation)) this.#listener.corruptEntry()
    if (text === '') return { answer: undefined, revocation }
    const answer = readSharedAnswer(text)
    // What has no end was not written here.
    if (answer === undefined || leftMs < 0) {
      this.#listener.corruptEntry()
      return { answer: undefined, revocation }
    }
    return { answer: { ...answer, leftMs }, revocation }
  }

  #keysOf(key: TokenKey): string[] {
    const bucket = this.#bucketOf(key)
    const name = shortText(key)
    return [this.#store.key(bucket, `t:${name}`), this.#store.key(bucket, `r:${name}`)]
  }

  #bucketOf(key: TokenKey): string {
    return this.#store.bucketOf(shortText(key))
  }
}

/** The last millisecond of which a date can be made. */
const maxTimeMs = 8_640_000_000_000_000

/** Reads a mark's name and time; `undefined` when they are something else. */
export function parseMark(name: string, atMs: number): Mark | undefined {
  const [, effect, kind, scope, id = ''] =
    /^(revoke|refresh) (client|user|all)(?:@([\w-]{12}))? (.{0,256})$/su.exec(name) ?? []
  if (!Number.isInteger(atMs) || atMs <= 0 || atMs > maxTimeMs || (kind === 'all') !== (id === ''))
    return undefined
  if (
    (effect !== 'revoke' && effect !== 'refresh') ||
    (kind !== 'client' && kind !== 'user' && kind !== 'all')
  )
    return undefined
  return { effect, kind, id, atMs, ...(scope !== undefined && { scope }) }
}
