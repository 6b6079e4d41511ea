/** A server has sent what no Redis sends. The message says which rule it breaks, and holds nothing of what was sent. */
export class ReplyRefused extends Error {
  constructor(rule: string) {
    super(rule)
    this.name = 'ReplyRefused'
  }
}

/** What a connection is for: answers to commands, or also messages that come by themselves. */
export type ReplyPurpose = 'commands' | 'messages'

/** More than any script here gives: 10,000 revocation marks of the longest names. */
const maxReplyBytes = 16 * 1_024 * 1_024

/** What a piece counts for at least: each is held with its administration, however few bytes it has. */
const minPieceBytes = 256

const maxElements = 100_000
const maxDepth = 8

/** Longest text of an answer that is no bulk string; an error quotes part of a script at most. */
const maxLineLength = 16 * 1_024

/** How long an answer that has begun may take to end. */
const maxReplyMs = 5_000

/** With what an answer of RESP2, or an element of one, begins. */
const types: ReadonlySet<number> = new Set(Buffer.from('+-:$*'))

/**
 * Holds what a server sends against RESP2, before the client reads any of it. ioredis takes the server for a Redis: an
 * answer of another shape, or one that nobody waits for, throws past every listener and would end the process, and what
 * never ends is kept without bound.
 */
export class ReplyGuard {
  readonly #isForMessages: boolean
  readonly #now: () => number
  /** How many elements are to come of each array that is open. */
  readonly #open: number[] = []
  #line = ''
  #bodyLeft = 0
  #isAfterBody = false
  #elements = 0
  #weight = 0
  #awaited = 0
  #hasEnded = false
  #beganAtMs: number | undefined

  /** @param now A steady clock, in milliseconds. */
  constructor(purpose: ReplyPurpose, now: () => number = () => performance.now()) {
    this.#isForMessages = purpose === 'messages'
    this.#now = now
  }

  /** A command was sent. */
  expectReply(): void {
    this.#awaited += 1
  }

  /** Takes what has arrived. Throws {@link ReplyRefused}; nothing of it may be read then. */
  read(chunk: Buffer): void {
    if (this.#beganAtMs !== undefined && this.#now() - this.#beganAtMs > maxReplyMs)
      throw new ReplyRefused('an answer does not come to its end')
    const weight = Math.max(chunk.length, minPieceBytes)
    this.#weight += weight
    this.#hasEnded = false
    let at = 0
    while (at < chunk.length) at = this.#bodyLeft > 0 ? this.#skipBody(chunk, at) : this.#readLine(chunk, at)
    // Whatever ended has been handed on; what is still held came with this piece.
    if (this.#hasEnded) this.#weight = weight
    if (this.#weight > maxReplyBytes) throw tooLarge()
    this.#noteTime()
  }

  #noteTime(): void {
    const isWithin = this.#open.length > 0 || this.#bodyLeft > 0 || this.#isAfterBody || this.#line !== ''
    if (!isWithin) this.#beganAtMs = undefined
    else if (this.#beganAtMs === undefined || this.#hasEnded) this.#beganAtMs = this.#now()
  }

  #skipBody(chunk: Buffer, at: number): number {
    const skipped = Math.min(this.#bodyLeft, chunk.length - at)
    this.#bodyLeft -= skipped
    return at + skipped
  }

  #readLine(chunk: Buffer, at: number): number {
    if (this.#line === '' && !this.#isAfterBody && !types.has(chunk[at] ?? 0))
      throw new ReplyRefused('an answer is of no type of RESP2')
    const feed = chunk.indexOf(10, at)
    const end = feed === -1 ? chunk.length : feed + 1
    if (this.#line.length + end - at > maxLineLength)
      throw new ReplyRefused('a line of an answer is too long')
    this.#line += chunk.toString('latin1', at, end)
    if (feed === -1) return end
    const line = this.#line
    this.#line = ''
    if (line.indexOf('\r') !== line.length - 2)
      throw new ReplyRefused('a line of an answer does not end in CR LF')
    if (this.#isAfterBody) this.#endBody(line)
    else this.#take(line.slice(0, 1), line.slice(1, -2))
    return end
  }

  #endBody(line: string): void {
    if (line !== '\r\n') throw new ReplyRefused('a text is longer than it says')
    this.#isAfterBody = false
    this.#endValue()
  }

  #take(type: string, text: string): void {
    this.#elements += 1
    const isNull = (type === '$' || type === '*') && text === '-1'
    if (this.#open.length === 0) this.#beginReply(isNull ? 'null' : type, text)
    else if (this.#isForMessages && (isNull || type === '*' || type === '-'))
      throw new ReplyRefused('a message holds something else than texts')
    if (isNull) this.#endValue()
    else if (type === '$') this.#beginBody(text)
    else if (type === '*') this.#beginArray(text)
    else if (type === ':' && !/^[+-]?\d{1,19}$/.test(text)) throw new ReplyRefused('a number is none')
    else this.#endValue()
  }

  /** What only an answer as a whole must be. */
  #beginReply(type: string, text: string): void {
    this.#elements = 1
    if (this.#isForMessages && type === '*') {
      if (text !== '2' && text !== '3') throw new ReplyRefused('a message is of another form')
      this.#awaited = 0
      return
    }
    if (this.#isForMessages && type !== '-' && !(type === '+' && text.length >= 2))
      throw new ReplyRefused('an answer comes where messages are to come')
    if (this.#awaited === 0) throw new ReplyRefused('an answer comes that nobody has asked for')
    this.#awaited -= 1
    if (type === '-' && /^(?:MOVED|ASK)\b/.test(text)) requireRedirection(text)
  }

  #beginBody(text: string): void {
    if (!/^\d{1,15}$/.test(text)) throw new ReplyRefused('the length of a text is none')
    this.#bodyLeft = Number(text)
    if (this.#bodyLeft > maxReplyBytes) throw tooLarge()
    this.#isAfterBody = true
  }

  #beginArray(text: string): void {
    if (!/^\d{1,15}$/.test(text)) throw new ReplyRefused('the length of an array is none')
    const count = Number(text)
    if (this.#elements + count > maxElements)
      throw new ReplyRefused(`an answer has over ${maxElements} elements`)
    if (this.#open.length >= maxDepth) throw new ReplyRefused(`an answer has arrays over ${maxDepth} deep`)
    if (count === 0) this.#endValue()
    else this.#open.push(count)
  }

  #endValue(): void {
    while (this.#open.length > 0) {
      const left = (this.#open.pop() ?? 0) - 1
      if (left > 0) {
        this.#open.push(left)
        return
      }
    }
    this.#hasEnded = true
  }
}

/** Where a Cluster sends a client on to: a slot, a host (empty for the same) and a port. */
function requireRedirection(text: string): void {
  const [, port] = /^(?:MOVED|ASK) \d{1,5} \S*:(\d{1,5})$/.exec(text) ?? []
  if (!isPort(Number(port))) throw new ReplyRefused('a redirection names no slot and address')
}

export function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535
}

function tooLarge(): ReplyRefused {
  return new ReplyRefused(`an answer is over ${maxReplyBytes / 1_024 / 1_024} MiB`)
}
