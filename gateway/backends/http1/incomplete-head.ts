import type { HeadLimits, Lines } from './field-lines.ts'
import { protocolName, requireHeadLines, requireProtocolName } from './response-head.ts'
import { ResponseMalformed } from './response-malformed.ts'

const lineFeed = 0x0a
const endOfHead = '\r\n\r\n'
const nothing = Buffer.alloc(0)

/**
 * A bounded copy of a head that has not come as a whole. Its lines are checked as they come: what is no head, or another
 * protocol, is refused at once instead of being waited for until the time is up.
 */
export class IncompleteHead {
  readonly #limits: HeadLimits
  #copy = nothing
  #length = 0
  #isComplete = false

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The head's lines without the empty one at the end; valid until it is cleared. */
  get lines(): Lines {
    return this.#linesTo(this.#length - 2)
  }

  /** Adds bytes from a place on, up to the end of the head at most; tells the place up to which it has. */
  add(bytes: Buffer, start: number): number {
    const { maxHeadBytes } = this.#limits
    const before = this.#length
    if (before === 0) this.#copy = Buffer.allocUnsafe(maxHeadBytes)
    this.#length += bytes.copy(this.#copy, before, start)
    const filled = this.#copy.subarray(0, this.#length)
    const end = filled.indexOf(endOfHead, Math.max(0, before - endOfHead.length + 1), 'latin1')
    if (end !== -1) {
      this.#isComplete = true
      this.#length = end + endOfHead.length
    } else {
      this.#check(filled, before)
      if (this.#length === maxHeadBytes) throw new ResponseMalformed('a head that is too long')
    }
    return start + this.#length - before
  }

  clear(): void {
    this.#copy = nothing
    this.#length = 0
    this.#isComplete = false
  }

  /** The lines that are complete; from the first one on again only when another one has come. */
  #check(filled: Buffer, before: number): void {
    if (before < protocolName.length) requireProtocolName(filled)
    const lastLineFeed = filled.subarray(before).lastIndexOf(lineFeed)
    if (lastLineFeed === -1) return
    requireHeadLines(this.#linesTo(before + lastLineFeed + 1), this.#limits.maxFields)
  }

  #linesTo(end: number): Lines {
    return { bytes: this.#copy, text: this.#copy.toString('latin1', 0, end), offset: 0 }
  }
}
