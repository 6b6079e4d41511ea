import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { Abortable, Exchange } from '../exchange.ts'
import { isLimitField, readBackendLimit } from './backend-limit.ts'
import type { BackendRequest } from './backend-request.ts'
import { hopByHopNames, withoutListed } from './header-rules.ts'

/** One request to a backend: writes the answer straight onto the client's response, as fast as the client takes it. */
export class BackendCall implements Dispatcher.DispatchHandler, Abortable {
  readonly #exchange: Exchange
  readonly #request: BackendRequest
  readonly #idleMs: number
  #controller: Dispatcher.DispatchController | undefined
  #isAborted = false

  /** @param idleMs How long the client may pause in taking the answer, in milliseconds. */
  constructor(exchange: Exchange, request: BackendRequest, idleMs: number) {
    this.#exchange = exchange
    this.#request = request
    this.#idleMs = idleMs
  }

  /** Ends the request to the backend, because nobody waits for its answer any more. */
  abort(): void {
    this.#isAborted = true
    this.#controller?.abort(clientGone)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isAborted) controller.abort(clientGone)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // An interim answer (RFC 9110 §15.2) is between the backend and the gateway.
    if (status < 200) return
    const fields = toClientFields(controller.rawHeaders, status, this.#request)
    fields.push('X-Request-Id', this.#exchange.requestId)
    this.#exchange.response.writeHead(status, fields)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#exchange.response.write(chunk)) return
    controller.pause()
    this.#waitForClient(controller)
  }

  /** A client that takes nothing for too long is cut: it would hold the backend's connection for ever. */
  #waitForClient(controller: Dispatcher.DispatchController): void {
    const { response } = this.#exchange
    const cut = setTimeout(() => response.destroy(), this.#idleMs)
    const goOn = () => {
      clearTimeout(cut)
      response.off('drain', goOn)
      response.off('close', goOn)
      controller.resume()
    }
    response.on('drain', goOn)
    response.on('close', goOn)
  }

  onResponseEnd(): void {
    this.#exchange.response.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isAborted) return
    const { quota, responseFields } = this.#request
    this.#exchange.fail(toGatewayError(error, [...(quota?.fields ?? []), ...responseFields]))
  }
}

const clientGone = new Error('the client is gone')

/** A backend's own request id would stand beside the gateway's. */
const notForClients: ReadonlySet<string> = new Set([...hopByHopNames, 'x-request-id'])

/** The fields of a backend's response that are for the client, followed by the gateway's own. */
function toClientFields(
  rawHeaders: unknown,
  status: number,
  { quota, responseFields }: BackendRequest,
): string[] {
  const fields: string[] = []
  let limitFields: string[] | undefined
  let connection = ''
  const raw: readonly Buffer[] = Array.isArray(rawHeaders) ? rawHeaders : []
  for (let i = 0; i < raw.length; i += 2) {
    const name = latin1(raw[i])
    const lowerName = name.toLowerCase()
    if (lowerName === 'connection') connection = joinLists(connection, latin1(raw[i + 1]))
    else if (lowerName === 'transfer-encoding') requirePlainChunked(latin1(raw[i + 1]))
    else if (notForClients.has(lowerName)) continue
    else if (quota !== undefined && isLimitField(lowerName)) {
      limitFields ??= []
      limitFields.push(lowerName, latin1(raw[i + 1]))
    } else fields.push(name, latin1(raw[i + 1]))
  }
  const kept = withoutListed(fields, connection)
  const limits = limitFields && withoutListed(limitFields, connection)
  if (quota !== undefined) append(kept, quotaFields(quota, status, limits))
  append(kept, responseFields)
  return kept
}

/**
 * One set of fields tells one limit: the backend's where it refuses or has fewer requests left, else the gateway's. Beside
 * the 429 of a backend that names no limit, what the gateway would still allow would only mislead.
 */
function quotaFields(
  quota: NonNullable<BackendRequest['quota']>,
  status: number,
  limitFields: readonly string[] | undefined,
): readonly string[] {
  if (limitFields === undefined && status !== tooManyRequests) return quota.fields
  const limit = readBackendLimit(limitFields ?? [])
  if (status === tooManyRequests)
    return limit === undefined ? [] : quota.fieldsFor({ ...limit, remaining: 0 })
  return limit !== undefined && limit.remaining < quota.remaining ? quota.fieldsFor(limit) : quota.fields
}

const tooManyRequests = 429

function append(fields: string[], further: readonly string[]): void {
  for (const part of further) fields.push(part)
}

/** Of another coding the body would arrive as if it had none (RFC 9112 §6.1). */
function requirePlainChunked(transferEncoding: string): void {
  if (transferEncoding.toLowerCase() !== 'chunked')
    throw new Error('the backend uses another transfer coding than chunked')
}

/** A field's bytes as they were sent. Decoding them as UTF-8, which names never need, takes twice as long. */
function latin1(bytes: Buffer | undefined): string {
  return bytes?.toString('latin1') ?? ''
}

function joinLists(list: string, further: string): string {
  return list === '' ? further : `${list},${further}`
}

const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/** What a failed request to a backend means for the client; the answer carries the gateway's fields all the same. */
function toGatewayError(error: Error, headers: readonly string[]): GatewayError {
  const code = 'code' in error ? String(error.code) : ''
  const context = { headers, cause: error }
  if (timeoutCodes.has(code)) return new GatewayError('backend-timeout', context)
  if (unreachableCodes.has(code)) return new GatewayError('backend-unreachable', context)
  return new GatewayError('backend-broken', context)
}
