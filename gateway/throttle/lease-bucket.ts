import type { Lease } from './lease.ts'

/** Most leases in one call. */
export const maxLeasesPerCall = 64

/** What is known of a bucket of the store. */
export interface Bucket {
  readonly name: string
  /** Empty until the store has answered once. */
  epoch: string
  isOpen: boolean
  /** Whether all that this process holds in the bucket was stated in this epoch. */
  isStated: boolean
  askAgainAtMs: number
  /** Until then others have been told that it has lost data, by whomever. */
  tellAgainAtMs: number
  restating: Promise<void> | undefined
  touching: Promise<void> | undefined
}

export function newBucket(name: string): Bucket {
  return {
    name,
    epoch: '',
    isOpen: true,
    isStated: true,
    askAgainAtMs: 0,
    tellAgainAtMs: 0,
    restating: undefined,
    touching: undefined,
  }
}

/** Leases by the bucket in which they lie. */
export function byBucket(leases: readonly Lease[]): Map<string, Lease[]> {
  return Map.groupBy(leases, ({ bucket }) => bucket)
}

/** Leases in as many parts as they take calls. */
export function chunks(leases: readonly Lease[]): Lease[][] {
  const count = Math.ceil(leases.length / maxLeasesPerCall)
  return Array.from({ length: count }, (_, index) =>
    leases.slice(index * maxLeasesPerCall, (index + 1) * maxLeasesPerCall),
  )
}
