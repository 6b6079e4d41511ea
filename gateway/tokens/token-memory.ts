import { ExpiringKeys } from './expiring-keys.ts'
import { MemoryTokenCache, type TokenLifetimes } from './memory-token-cache.ts'
import { RevocationMarks } from './revocation-marks.ts'
import type { TokenKey } from './token-hash.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** A look-up that is under way. */
export interface LookUpUnderWay {
  readonly answer: Promise<TokenMetadata>
  /** Its answer may be from before what was heard meanwhile: it is asked for again. */
  outdate(): void
}

interface MemoryOptions extends TokenLifetimes {
  readonly maxTokens: number
  readonly blindTtlMs: number
  readonly random: () => number
}

/** Most tokens that are remembered as not valid. They have a place of their own, so that garbage pushes out no good ones. */
const maxRefused = 50_000

/** Most revoked tokens that are remembered, of each way of hearing of them; of more, the store still knows. */
const maxRevoked = { announced: 100_000, 'passed-through': 50_000 } as const

/** How a process learned of it: from who may announce, or from what any client could have brought about. */
export type RevokedBy = keyof typeof maxRevoked

/** Most tokens of which the store was to be told something while it was gone. */
const maxDistrusted = 10_000

/** What this process remembers of all providers' tokens. */
export class TokenMemory {
  readonly cache: MemoryTokenCache
  /** Tokens of which a provider lately said that they are not valid. */
  readonly refused = new ExpiringKeys(maxRefused)
  /** Apart by who has them written: what clients send pushes out nothing of those who may announce. */
  readonly #revoked = {
    announced: new ExpiringKeys(maxRevoked.announced),
    'passed-through': new ExpiringKeys(maxRevoked['passed-through']),
  }
  /** Tokens of which the store may hold what is no longer true, because it could not be told. */
  readonly distrusted = new ExpiringKeys(maxDistrusted)
  readonly marks: RevocationMarks
  readonly underWay = new Map<TokenKey, LookUpUnderWay>()

  constructor(options: MemoryOptions) {
    this.cache = new MemoryTokenCache(options)
    this.marks = new RevocationMarks(options)
  }

  /** The token is refused until then in both its forms, also by whoever waits for an answer about it now. */
  revoke(key: TokenKey, untilMs: number, by: RevokedBy): void {
    this.#revoked[by].add(key, untilMs)
    this.cache.delete(key)
    this.cache.deleteTwinOf(key)
  }

  isRevoked(key: TokenKey, nowMs: number): boolean {
    return this.#revoked.announced.has(key, nowMs) || this.#revoked['passed-through'].has(key, nowMs)
  }

  /** What is remembered of the token is no longer true, and what is being asked for now may not be either. */
  forget(key: TokenKey): void {
    this.cache.delete(key)
    this.refused.delete(key)
    this.underWay.get(key)?.outdate()
  }
}
