import type { TokenAnswer } from './memory-token-cache.ts'
import type { SharedAnswer } from './shared-answer.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** A revocation of the tokens of a client, a user or everybody. */
export interface Mark {
  readonly effect: 'revoke' | 'refresh'
  readonly kind: 'client' | 'user' | 'all'
  /** Whose; empty for everybody. */
  readonly id: string
  /** Of which identity provider's tokens, by {@link TokenHasher.scope}; of all of them where it is left out. */
  readonly scope?: string | undefined
  /** When, by the store's clock, in milliseconds; of two marks in one store the later has the greater. */
  readonly atMs: number
}

/** What answers are about: the tokens of one identity provider. */
export interface ProviderTokens {
  /** Whether the provider knows of no revocation, because it is the token's signature that is checked. */
  readonly isLocal: boolean
  readonly scope: string
}

/** What is to be thought of an answer after the revocations that were heard. */
export type Standing = 'sure' | 'suspect' | 'outdated' | 'refused'

interface HeededMark extends Mark {
  readonly epoch: number
}

/** How a mark was come by. */
interface Heeding {
  /** Whether the store has it, and with it all processes. */
  readonly isInStore?: boolean
  /** Whether it is this process's own, told at last where it could not be before. */
  readonly isToldAtLast?: boolean
}

/** How long a mark is heeded: a token that is checked here and lives longer comes back after it. */
export const markLifetimeMs = 24 * 3_600_000

/** Most marks that are told apart; beyond it one for everybody stands for them all. */
export const maxMarks = 10_000

/** How far the clocks of a token's issuer and of the store may differ; a token issued so soon after a mark is refused. */
const issuerSkewMs = 5_000

/**
 * What this process has heard of revocations other than of single tokens. Each one begins an epoch, and every answer
 * carries the epoch in which it was asked for: one comparison of numbers tells that nothing was heard since.
 */
export class RevocationMarks {
  readonly #marks = new Map<string, HeededMark>()
  readonly #blindTtlMs: number
  #epoch = 1
  #latestMs = 0
  #suspectBefore = 0
  #blindSinceMs: number | undefined

  constructor({ blindTtlMs }: { readonly blindTtlMs: number }) {
    this.#blindTtlMs = blindTtlMs
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The epoch whose answers need no second look; none while revocations may be missed. */
  get sureEpoch(): number {
    return this.#blindSinceMs === undefined ? this.#epoch : -1
  }

  get isBlind(): boolean {
    return this.#blindSinceMs !== undefined
  }

  /** The time of the latest mark that the store has taken, as far as was heard. */
  get latestMs(): number {
    return this.#latestMs
  }

  get size(): number {
    return this.#marks.size
  }

  /**
   * Heeds a mark from now on; `false` when it was heard before. One that the store has not taken has a time of this
   * process's clock, which says nothing of the store's marks: both are kept, until the store has taken it after all.
   */
  heed(mark: Mark, { isInStore = true, isToldAtLast = false }: Heeding = {}): boolean {
    const name = isInStore ? nameOf(mark) : untold(mark)
    if (isToldAtLast) this.#marks.delete(untold(mark))
    const knownMs = this.#marks.get(name)?.atMs ?? 0
    // This process's own is always new, though its clock may say the same as before, or less.
    if (isInStore && knownMs >= mark.atMs) return false
    this.#epoch += 1
    if (isInStore) this.#latestMs = Math.max(this.#latestMs, mark.atMs)
    this.#marks.set(name, { ...mark, atMs: Math.max(mark.atMs, knownMs), epoch: this.#epoch })
    if (this.#marks.size > maxMarks) this.#shrink(mark.atMs)
    return true
  }

  /** Revocations may be missed from now on. */
  becomeBlind(nowMs: number): void {
    if (this.#blindSinceMs !== undefined) return
    this.#epoch += 1
    this.#blindSinceMs = nowMs
  }

  /** All marks are known again; what was asked for before may have been revoked by itself meanwhile. */
  see(): void {
    if (this.#blindSinceMs === undefined) return
    this.#blindSinceMs = undefined
    this.#epoch += 1
    this.#suspectBefore = this.#epoch
  }

  /**
   * Whether an answer can be used: `sure`, `suspect` when the store should be asked whether its token was revoked,
   * `outdated` when the provider should be asked again, or `refused` for good.
   */
  standingOf(answer: TokenAnswer, { isLocal, scope }: ProviderTokens, nowMs: number): Standing {
    if (answer.epoch < this.#epoch || isLocal) {
      for (const mark of this.#marksOn(answer.metadata, scope)) {
        if (isLocal && refuses(mark, answer.metadata)) return 'refused'
        if (mark.epoch > answer.epoch) return 'outdated'
      }
    }
    if (this.#blindSinceMs !== undefined)
      return nowMs < this.#trustedUntilMs(answer, this.#blindSinceMs) ? 'sure' : 'suspect'
    return answer.epoch < this.#suspectBefore ? 'suspect' : 'sure'
  }

  /** Whether an answer that another process asked for, when it had heard of marks until `marksUntilMs`, is still true. */
  areHeededBy({ metadata, marksUntilMs: latestMs }: SharedAnswer, scope: string): boolean {
    for (const mark of this.#marksOn(metadata, scope)) if (mark.atMs > latestMs) return false
    return true
  }

  /**
   * How long an answer is believed while nothing is heard. What was known to hold when the silence began is asked for
   * again over the second half of the time, so that not all tokens come to the provider at once.
   */
  #trustedUntilMs({ learnedAtMs, epoch }: TokenAnswer, blindSinceMs: number): number {
    if (learnedAtMs >= blindSinceMs || epoch < this.#suspectBefore) return learnedAtMs + this.#blindTtlMs
    const spread = (learnedAtMs % 1_000) / 1_000
    return Math.max(learnedAtMs, blindSinceMs - this.#blindTtlMs * spread * 0.5) + this.#blindTtlMs
  }

  *#marksOn({ client, user }: TokenMetadata, scope: string): Iterable<HeededMark> {
    if (this.#marks.size === 0) return
    for (const effect of ['revoke', 'refresh'] as const) {
      const targets = [
        { effect, kind: 'all', id: '' },
        { effect, kind: 'client', id: client },
        ...(user === undefined ? [] : [{ effect, kind: 'user', id: user } as const]),
      ] as const
      for (const target of targets)
        for (const each of [target, { ...target, scope }])
          for (const name of [nameOf(each), untold(each)]) {
            const mark = this.#marks.get(name)
            if (mark !== undefined) yield mark
          }
    }
  }

  #shrink(nowMs: number): void {
    for (const [name, { atMs }] of this.#marks) if (atMs < nowMs - markLifetimeMs) this.#marks.delete(name)
    if (this.#marks.size <= maxMarks) return
    for (const effect of ['revoke', 'refresh'] as const) this.#merge(effect)
  }

  /** One mark for everybody, as late as the latest. */
  #merge(effect: Mark['effect']): void {
    const merged = [...this.#marks].filter(([, mark]) => mark.effect === effect)
    if (merged.length === 0) return
    for (const [name] of merged) this.#marks.delete(name)
    const atMs = merged.reduce((latest, [, mark]) => Math.max(latest, mark.atMs), 0)
    const mark = { effect, kind: 'all', id: '', atMs, epoch: this.#epoch } as const
    this.#marks.set(nameOf(mark), mark)
  }
}

/** The name of what a mark says, in which no two marks are the same. */
export function nameOf({ effect, kind, id, scope }: Omit<Mark, 'atMs'>): string {
  return `${effect} ${scope === undefined ? kind : `${kind}@${scope}`} ${id}`
}

/** The name of a mark that the store has not taken. */
function untold(mark: Omit<Mark, 'atMs'>): string {
  return `untold ${nameOf(mark)}`
}

/** A token that does not say when it was issued was issued before. */
function refuses({ effect, atMs }: Mark, { issuedAtMs }: TokenMetadata): boolean {
  return effect === 'revoke' && (issuedAtMs === undefined || issuedAtMs <= atMs + issuerSkewMs)
}
