/** A response, good or hostile, with what has to become of it. Text is latin-1. */
export interface CorpusEntry {
  readonly name: string
  readonly method: string
  readonly text: string
  /** Why it is refused; undefined where it is not. */
  readonly refusal?: string
  /** What is read of it; of a response that is refused only what comes before the refusal. */
  readonly status?: number
  readonly body?: string
  readonly interims?: readonly number[]
  readonly connection?: string
  readonly fields?: readonly string[]
  /** Whether the connection carries another response. */
  readonly reuse?: boolean
}

/** The limits that the corpus is written for. */
export const corpusLimits = { maxHeadBytes: 1_000, maxFields: 12 }

/** Lines, each with its CRLF, and the empty line behind them. */
export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

export const ok = 'HTTP/1.1 200 OK'
export const chunkedHead = head(ok, 'Transfer-Encoding: chunked')
export const lengthOf = (length: number | string) => head(ok, `Content-Length: ${length}`)

/** A good head of this many bytes. */
export function headOfLength(length: number): string {
  const rest = head(ok, 'Content-Length: 0', 'A: ')
  return head(ok, 'Content-Length: 0', `A: ${'a'.repeat(length - rest.length)}`)
}

/** A response that has to be refused for this reason. */
export function bad(name: string, text: string, refusal: string): CorpusEntry {
  return { name, method: 'GET', text, refusal }
}
