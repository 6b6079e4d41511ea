import { forgetOldest } from '../../common/forget-oldest.ts'

/** Most ids remembered: an hour of pushes at three a second. What is forgotten may be taken a second time, with no harm. */
const maxIds = 10_000

/** The events that were taken lately, so that one delivered again is acknowledged and not taken again (RFC 8935 §2). */
export class SeenEvents {
  readonly #ids = new Set<string>()

  has(issuer: string, id: string): boolean {
    return this.#ids.has(keyOf(issuer, id))
  }

  /** Remembers an event that was taken; beyond the bound the oldest is forgotten. */
  add(issuer: string, id: string): void {
    this.#ids.add(keyOf(issuer, id))
    forgetOldest(this.#ids, maxIds)
  }
}

/** No two pairs share a key, whatever they hold: a URL has no space. */
function keyOf(issuer: string, id: string): string {
  return `${issuer} ${id}`
}
