import { isBearerToken } from '../../common/bearer-token.ts'
import type { Exchange } from '../exchange.ts'
import { BoundedCopy } from './bounded-copy.ts'
import { type EndpointWatch, PassingAnswer } from './endpoint-watch.ts'
import type { AnswerControl, AnswerHandler } from './http1/answer-handler.ts'
import type { ResponseHead } from './http1/response-parser.ts'

/** Learns of new access tokens before their first use. */
export interface TokenPrefetcher {
  /** Finds out in the background what a token means; never throws, and tells nobody. */
  prefetch(token: string): void
}

/** More than any honest answer of a token endpoint. */
const maxAnswerBytes = 64 * 1_024

/**
 * Looks on at a token endpoint (RFC 6749 §5.1): of a token that is issued there it has the meaning fetched before the
 * client has read the end of the answer, so that the token's first call need not wait for the identity provider. The
 * answer itself passes unchanged and unhindered.
 */
export class TokenEndpointWatch implements EndpointWatch {
  readonly #prefetchers: readonly TokenPrefetcher[]

  /** @param prefetchers Those of every identity provider that has this endpoint. */
  constructor(prefetchers: readonly TokenPrefetcher[]) {
    this.#prefetchers = prefetchers
  }

  attend({ request }: Exchange, call: AnswerHandler): AnswerHandler {
    return request.method === 'POST' ? new TokenAnswer(call, this.#prefetchers) : call
  }
}

class TokenAnswer extends PassingAnswer {
  readonly #prefetchers: readonly TokenPrefetcher[]
  #copy: BoundedCopy | undefined
  #contentLength: number | undefined

  constructor(call: AnswerHandler, prefetchers: readonly TokenPrefetcher[]) {
    super(call)
    this.#prefetchers = prefetchers
  }

  override onHead(head: ResponseHead, control: AnswerControl): void {
    if (head.status === 200 && isPlainJson(head.fields)) {
      this.#copy = new BoundedCopy(maxAnswerBytes)
      this.#contentLength = head.bodyLength
    }
    super.onHead(head, control)
  }

  override onBody(bytes: Buffer, control: AnswerControl): void {
    this.#copy?.add(bytes)
    // Where the length is known, the client may use the token as soon as it has the last byte.
    if (this.#copy?.length === this.#contentLength) this.#prefetch()
    super.onBody(bytes, control)
  }

  override onEnd(): void {
    this.#prefetch()
    super.onEnd()
  }

  #prefetch(): void {
    const text = this.#copy?.read()
    this.#copy = undefined
    const token = text === undefined ? undefined : readAccessToken(text)
    if (token === undefined) return
    for (const prefetcher of this.#prefetchers) prefetcher.prefetch(token)
  }
}

/** Nothing is decompressed here: a few bytes could stand for gigabytes. */
function isPlainJson(fields: readonly string[]): boolean {
  const type = fieldOf(fields, 'content-type') ?? ''
  const coding = fieldOf(fields, 'content-encoding') ?? 'identity'
  return /^application\/json *(?:;|$)/i.test(type) && coding.toLowerCase() === 'identity'
}

/** The first field of this name, in lower case. */
function fieldOf(fields: readonly string[], name: string): string | undefined {
  const index = fields.findIndex((part, place) => place % 2 === 0 && part.toLowerCase() === name)
  return index === -1 ? undefined : fields[index + 1]
}

/** The access token in a token endpoint's answer; `undefined` when there is none that could be presented. */
export function readAccessToken(text: string): string | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return undefined
  }
  const token =
    answer !== null && typeof answer === 'object' && 'access_token' in answer && answer.access_token
  return typeof token === 'string' && isBearerToken(token) ? token : undefined
}
