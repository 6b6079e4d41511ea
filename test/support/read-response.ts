import type { HeadLimits } from '../../gateway/backends/http1/field-lines.ts'
import {
  type ResponseHead,
  ResponseMalformed,
  ResponseParser,
} from '../../gateway/backends/http1/response-parser.ts'

/** All that was heard of one response; pieces of a body are joined, however they were cut. */
export interface Reading {
  readonly interims: readonly number[]
  readonly head: ResponseHead | undefined
  readonly body: string
  readonly isEnded: boolean
  /** Why it was refused, be it in the middle or after its end; '' when it was not. */
  readonly refusal: string
  readonly canBeReused: boolean
}

/** One response to read. */
export interface ResponseInPieces {
  readonly method: string
  readonly pieces: readonly Buffer[]
  readonly limits: HeadLimits
}

/** Reads a response and, unless it is complete by then, the end of its connection. */
export function readResponse({ method, pieces, limits }: ResponseInPieces): Reading {
  const parser = new ResponseParser(limits)
  const interims: number[] = []
  const heads: ResponseHead[] = []
  const bodies: Buffer[] = []
  let ends = 0
  const requireOpen = (isOpen: boolean) => {
    if (!isOpen) throw new Error('heard in the wrong order')
  }
  parser.begin(method, {
    onInterim: (status) => {
      requireOpen(heads.length === 0)
      interims.push(status)
    },
    onHead: (head) => {
      requireOpen(heads.length === 0)
      heads.push(head)
    },
    onBody: (bytes) => {
      requireOpen(heads.length === 1 && ends === 0 && bytes.length > 0)
      // What the bytes are a view of is used again in these tests, as it may be on a connection.
      bodies.push(Buffer.from(bytes))
    },
    onEnd: () => {
      requireOpen(heads.length === 1 && ends === 0)
      ends += 1
    },
  })
  let refusal = ''
  let canBeReused = false
  try {
    for (const piece of pieces) {
      const lent = Buffer.from(piece)
      parser.execute(lent)
      lent.fill(0)
    }
    canBeReused = parser.canBeReused
    if (!parser.isIdle) parser.finish()
  } catch (error) {
    if (!(error instanceof ResponseMalformed)) throw error
    refusal = error.reason
    canBeReused = parser.canBeReused
  }
  const body = Buffer.concat(bodies).toString('latin1')
  return { interims, head: heads[0], body, isEnded: ends === 1, refusal, canBeReused }
}

/** Cuts bytes before each of these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const inside = places.map((place) => (bytes.length === 0 ? 0 : place % bytes.length))
  const ends = [...new Set(inside)].filter((end) => end > 0).sort((one, other) => one - other)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

/** Every byte by itself. */
export function byteByByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
}
