import type { Exchange } from '../exchange.ts'
import type { AnswerControl, AnswerHandler } from './http1/answer-handler.ts'
import type { ResponseHead } from './http1/response-parser.ts'

/** Looks on while requests to one path of the gateway pass through, to learn what concerns the gateway itself. */
export interface EndpointWatch {
  /**
   * Looks on at one request, which is about to be forwarded. Returns what hears the backend's answer in place of the call
   * that writes it to the client, and hands it on: the call itself where there is nothing to learn.
   */
  attend(exchange: Exchange, call: AnswerHandler): AnswerHandler
}

/** Hands everything on. */
export class PassingAnswer implements AnswerHandler {
  protected readonly call: AnswerHandler

  constructor(call: AnswerHandler) {
    this.call = call
  }

  onHead(head: ResponseHead, control: AnswerControl): void {
    this.call.onHead(head, control)
  }

  onBody(bytes: Buffer, control: AnswerControl): void {
    this.call.onBody(bytes, control)
  }

  onEnd(): void {
    this.call.onEnd()
  }

  onError(error: Error): void {
    this.call.onError(error)
  }
}
