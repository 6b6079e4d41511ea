import type { Dispatcher } from 'undici'
import { isBearerToken } from '../../common/bearer-token.ts'
import type { Exchange } from '../exchange.ts'
import { BoundedCopy } from './bounded-copy.ts'
import { type EndpointWatch, PassingAnswer } from './endpoint-watch.ts'

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

  attend({ request }: Exchange, call: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    return request.method === 'POST' ? new TokenAnswer(call, this.#prefetchers) : call
  }
}

class TokenAnswer extends PassingAnswer {
  readonly #prefetchers: readonly TokenPrefetcher[]
  #copy: BoundedCopy | undefined
  #contentLength: number | undefined

  constructor(call: Dispatcher.DispatchHandler, prefetchers: readonly TokenPrefetcher[]) {
    super(call)
    this.#prefetchers = prefetchers
  }

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
  ): void {
    if (status === 200 && isPlainJson(headers)) {
      this.#copy = new BoundedCopy(maxAnswerBytes)
      this.#contentLength = Number(headers['content-length'])
    }
    super.onResponseStart(controller, status, headers)
  }

  override onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#copy?.add(chunk)
    // Where the length is known, the client may use the token as soon as it has the last byte.
    if (this.#copy?.length === this.#contentLength) this.#prefetch()
    super.onResponseData(controller, chunk)
  }

  override onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[]>,
  ): void {
    this.#prefetch()
    super.onResponseEnd(controller, trailers)
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
function isPlainJson(headers: Record<string, string | string[]>): boolean {
  const type = String(headers['content-type'] ?? '')
  const coding = String(headers['content-encoding'] ?? 'identity')
  return /^application\/json *(?:;|$)/i.test(type) && coding.toLowerCase() === 'identity'
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
