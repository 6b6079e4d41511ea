import { isBearerToken } from '../../common/bearer-token.ts'
import type { Exchange } from '../exchange.ts'
import type { RevocationIntake } from '../revocation-intake.ts'
import { BoundedCopy } from './bounded-copy.ts'
import { type EndpointWatch, PassingAnswer } from './endpoint-watch.ts'
import type { AnswerControl, AnswerHandler } from './http1/answer-handler.ts'
import type { ResponseHead } from './http1/response-parser.ts'

interface RevocationWatchContext {
  readonly intake: RevocationIntake
  /** The names of the identity providers whose endpoint it is. */
  readonly providers: readonly string[]
  /** Hears that a token was revoked that could not be read: the gateways learn of it when they ask again. */
  readonly onUnread: () => void
}

/** More than any honest request of this kind. */
const maxBodyBytes = 16 * 1_024

/** How long the client's answer waits for the announcement at most: the store's own timeouts are shorter. */
const maxWaitMs = 1_000

/**
 * Looks on at a revocation endpoint (RFC 7009): a token that is revoked there is refused by every gateway from the moment
 * at which the client is told so. Whoever can name a token can revoke it here, where the provider answers 200 for tokens
 * that are not the client's own too: it could also use it.
 */
export class RevocationEndpointWatch implements EndpointWatch {
  readonly #context: RevocationWatchContext

  constructor(context: RevocationWatchContext) {
    this.#context = context
  }

  attend(exchange: Exchange, call: AnswerHandler): AnswerHandler {
    const { request } = exchange
    if (request.method !== 'POST') return call
    const copy = new BoundedCopy(maxBodyBytes)
    request.on('data', (chunk: Buffer) => copy.add(chunk))
    return new RevocationAnswer(call, () => this.#announce(exchange, copy))
  }

  /** Settles once the token is announced, or was not to be; `undefined` when there is nothing to wait for. */
  #announce({ request, clientAddress }: Exchange, copy: BoundedCopy): Promise<unknown> | undefined {
    const { 'content-type': type = '', 'content-encoding': coding } = request.headers
    const isForm = /^application\/x-www-form-urlencoded *(?:;|$)/i.test(type) && coding === undefined
    const text = isForm && request.readableEnded ? copy.read() : undefined
    const token = text === undefined ? undefined : readRevokedToken(text)
    if (token !== undefined)
      return this.#context.intake.take('passed-through', {
        target: { kind: 'token', token },
        effect: 'revoke',
        providers: this.#context.providers,
        passedFrom: clientAddress,
      })
    this.#context.onUnread()
    return undefined
  }
}

/**
 * Holds a 200 back until the revocation is announced. What of it comes meanwhile, although the connection is told to pause,
 * waits in line.
 */
class RevocationAnswer extends PassingAnswer {
  readonly #announce: () => Promise<unknown> | undefined
  #held: (() => void)[] | undefined

  constructor(call: AnswerHandler, announce: () => Promise<unknown> | undefined) {
    super(call)
    this.#announce = announce
  }

  override onHead(head: ResponseHead, control: AnswerControl): void {
    const announced = head.status === 200 ? this.#announce() : undefined
    if (announced === undefined) {
      super.onHead(head, control)
      return
    }
    this.#held = [() => super.onHead(head, control)]
    control.pause()
    const release = () => this.#release(control)
    const timer = setTimeout(release, maxWaitMs)
    void announced.finally(() => {
      clearTimeout(timer)
      release()
    })
  }

  override onBody(bytes: Buffer, control: AnswerControl): void {
    if (this.#held === undefined) {
      super.onBody(bytes, control)
      return
    }
    const kept = Buffer.from(bytes)
    this.#held.push(() => super.onBody(kept, control))
  }

  override onEnd(): void {
    if (this.#held === undefined) super.onEnd()
    else this.#held.push(() => super.onEnd())
  }

  override onError(error: Error): void {
    this.#held = undefined
    super.onError(error)
  }

  #release(control: AnswerControl): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    try {
      for (const handOn of held) handOn()
      control.resume()
    } catch (error) {
      super.onError(error instanceof Error ? error : new Error('the answer could not be handed on'))
      control.abort()
    }
  }
}

/** The token in a revocation request (RFC 7009 §2.1); `undefined` when there is none, or more than one. */
export function readRevokedToken(form: string): string | undefined {
  const tokens = new URLSearchParams(form).getAll('token')
  const [token] = tokens
  return tokens.length === 1 && token !== undefined && isBearerToken(token) ? token : undefined
}
