/** One line of a stream; `undefined` as its text where it is longer than allowed or no UTF-8. */
export interface Line {
  /** Counted from 1. */
  readonly number: number
  readonly text: string | undefined
  readonly fault: 'too-long' | 'not-utf8' | undefined
}

const newline = 0x0a

/**
 * The lines of a stream of bytes, one after the other and never more than one held: of a line that is too long the rest
 * is read and forgotten. A line break at the very end begins no line.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let number = 1
  let parts: Uint8Array[] = []
  let length = 0
  const finish = (): Line => {
    const line = toLine({ number, length, maxBytes }, decoder, parts)
    number += 1
    parts = []
    length = 0
    return line
  }
  for await (const chunk of bytes) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      length += end - start
      if (length <= maxBytes) parts.push(chunk.subarray(start, end))
      yield finish()
      start = end + 1
    }
    length += chunk.length - start
    if (length <= maxBytes) parts.push(chunk.subarray(start))
    else parts = []
  }
  if (length > 0) yield finish()
}

function toLine(
  { number, length, maxBytes }: { number: number; length: number; maxBytes: number },
  decoder: { decode(bytes: Uint8Array): string },
  parts: readonly Uint8Array[],
): Line {
  if (length > maxBytes) return { number, text: undefined, fault: 'too-long' }
  try {
    return { number, text: decoder.decode(Buffer.concat(parts)), fault: undefined }
  } catch {
    return { number, text: undefined, fault: 'not-utf8' }
  }
}
