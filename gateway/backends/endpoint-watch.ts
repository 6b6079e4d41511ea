import type { Dispatcher } from 'undici'
import type { Exchange } from '../exchange.ts'

/** Looks on while requests to one path of the gateway pass through, to learn what concerns the gateway itself. */
export interface EndpointWatch {
  /**
   * Looks on at one request, which is about to be forwarded. Returns what hears the backend's answer in place of the call
   * that writes it to the client, and hands it on: the call itself where there is nothing to learn.
   */
  attend(exchange: Exchange, call: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler
}

/** Hands everything on. */
export class PassingAnswer implements Dispatcher.DispatchHandler {
  protected readonly call: Dispatcher.DispatchHandler

  constructor(call: Dispatcher.DispatchHandler) {
    this.call = call
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.call.onRequestStart?.(controller, context)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
  ): void {
    this.call.onResponseStart?.(controller, status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.call.onResponseData?.(controller, chunk)
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[]>,
  ): void {
    this.call.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.call.onResponseError?.(controller, error)
  }
}
