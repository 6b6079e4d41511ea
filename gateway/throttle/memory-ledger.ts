import type { Quota } from '../../common/quota.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Allowance, Ledger } from './ledger.ts'

/** A subject's running window. */
interface Window {
  readonly endMs: number
  used: number
}

/** Most subjects that are counted at once. */
const defaultMaxSubjects = 500_000

/** Counts in this process's memory: for one gateway process, and lost with it. */
export class MemoryLedger implements Ledger {
  readonly #windows = new Map<string, Window>()
  readonly #clock: Clock
  readonly #maxSubjects: number

  constructor(clock: Clock, maxSubjects: number = defaultMaxSubjects) {
    this.#clock = clock
    this.#maxSubjects = maxSubjects
  }

  take(subject: string, quota: Quota): Allowance {
    const nowMs = this.#clock()
    const window = this.#running(subject, nowMs) ?? this.#open(subject, quota, nowMs)
    const isAdmitted = window.used < quota.limit
    if (isAdmitted) window.used += 1
    return allowance(isAdmitted, window, { quota, nowMs })
  }

  peek(subject: string, quota: Quota): Allowance {
    const nowMs = this.#clock()
    const window = this.#running(subject, nowMs) ?? newWindow(quota, nowMs)
    return allowance(window.used < quota.limit, window, { quota, nowMs })
  }

  #running(subject: string, nowMs: number): Window | undefined {
    const window = this.#windows.get(subject)
    return window !== undefined && nowMs < window.endMs ? window : undefined
  }

  #open(subject: string, quota: Quota, nowMs: number): Window {
    if (this.#windows.size >= this.#maxSubjects) this.#makeRoom(subject, nowMs)
    const window = newWindow(quota, nowMs)
    this.#windows.set(subject, window)
    return window
  }

  /** Forgets windows that have ended. A running one is never forgotten: its subject would get its quota twice. */
  #makeRoom(subject: string, nowMs: number): void {
    for (const [key, window] of this.#windows) {
      if (nowMs >= window.endMs) this.#windows.delete(key)
    }
    if (this.#windows.size >= this.#maxSubjects && !this.#windows.has(subject)) {
      throw new GatewayError('quota-store-full', { headers: ['Retry-After', '60'] })
    }
  }
}

function newWindow(quota: Quota, nowMs: number): Window {
  return { endMs: nowMs + quota.windowMs, used: 0 }
}

function allowance(
  isAdmitted: boolean,
  window: Window,
  { quota, nowMs }: { quota: Quota; nowMs: number },
): Allowance {
  return {
    isAdmitted,
    limit: quota.limit,
    remaining: Math.max(0, quota.limit - window.used),
    resetAtS: Math.ceil(window.endMs / 1_000),
    retryAfterS: Math.max(1, Math.ceil((window.endMs - nowMs) / 1_000)),
  }
}
