import { type ErrorCode, GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { isLimitField, readBackendLimit } from './backend-limit.ts'
import type { BackendRequest } from './backend-request.ts'
import { hopByHopNames, withoutListed } from './header-rules.ts'
import type { AnswerControl, AnswerHandler } from './http1/answer-handler.ts'
import { BackendFailure, type BackendFailureKind } from './http1/backend-failure.ts'
import type { ResponseHead } from './http1/response-parser.ts'

/** A body that came as one piece of at most so many bytes goes to the client in one write with its head. */
const maxJoinedBytes = 16_384

/** Writes a backend's answer straight onto the client's response, as fast as the client takes it. */
export class BackendCall implements AnswerHandler {
  readonly #exchange: Exchange
  readonly #request: BackendRequest
  readonly #idleMs: number
  /** The head while it is not written. */
  #head: ResponseHead | undefined
  /** The whole of a small body, while its head is not written. */
  #body: string | undefined
  /** Whether the client has yet to take what was written. */
  #isWaiting = false

  /** @param idleMs How long the client may pause in taking the answer, in milliseconds. */
  constructor(exchange: Exchange, request: BackendRequest, idleMs: number) {
    this.#exchange = exchange
    this.#request = request
    this.#idleMs = idleMs
  }

  onHead(head: ResponseHead): void {
    this.#head = head
    // A part of the body may be long in coming; of a short one it comes at once.
    if (head.bodyLength === undefined || head.bodyLength > maxJoinedBytes) this.#writeHead()
  }

  onBody(bytes: Buffer, control: AnswerControl): void {
    if (this.#head !== undefined && bytes.length === this.#head.bodyLength) {
      this.#body = bytes.toString('latin1')
      return
    }
    this.#writeHead()
    if (this.#exchange.response.write(Buffer.from(bytes))) return
    control.pause()
    // One read may hold many chunks: the first that the client does not take is waited for, and the others with it.
    if (!this.#isWaiting) this.#waitForClient(control)
  }

  onEnd(): void {
    const { response } = this.#exchange
    this.#writeHead()
    // As one text with the head it is one write: each costs more than all that was done for the request before.
    if (this.#body === undefined) response.end()
    else response.end(this.#body, 'latin1')
  }

  onError(error: Error): void {
    const { quota, responseFields } = this.#request
    this.#exchange.fail(toGatewayError(error, [...(quota?.fields ?? []), ...responseFields]))
  }

  #writeHead(): void {
    if (this.#head === undefined) return
    const fields = toClientFields(this.#head, this.#request)
    fields.push('X-Request-Id', this.#exchange.requestId)
    this.#exchange.response.writeHead(this.#head.status, fields)
    this.#head = undefined
  }

  /** A client that takes nothing for too long is cut: it would hold the backend's connection for ever. */
  #waitForClient(control: AnswerControl): void {
    const { response } = this.#exchange
    this.#isWaiting = true
    const cut = setTimeout(() => response.destroy(), this.#idleMs)
    const goOn = () => {
      clearTimeout(cut)
      this.#isWaiting = false
      response.off('drain', goOn)
      response.off('close', goOn)
      control.resume()
    }
    response.on('drain', goOn)
    response.on('close', goOn)
  }
}

/** A backend's own request id would stand beside the gateway's. */
const notForClients: ReadonlySet<string> = new Set([...hopByHopNames, 'x-request-id'])

/** The fields of a backend's response that are for the client, followed by the gateway's own. */
function toClientFields(
  { status, fields: sent, connection }: ResponseHead,
  { quota, responseFields }: BackendRequest,
): string[] {
  const fields: string[] = []
  let limitFields: string[] | undefined
  for (let i = 0; i < sent.length; i += 2) {
    const name = sent[i] as string
    const lowerName = name.toLowerCase()
    if (notForClients.has(lowerName)) continue
    if (quota !== undefined && isLimitField(lowerName)) {
      limitFields ??= []
      limitFields.push(lowerName, sent[i + 1] as string)
    } else fields.push(name, sent[i + 1] as string)
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

/** What a failed request to a backend means for the client. */
const codes: Readonly<Record<BackendFailureKind, ErrorCode>> = {
  timeout: 'backend-timeout',
  unreachable: 'backend-unreachable',
  broken: 'backend-broken',
}

/** The answer carries the gateway's fields all the same. */
function toGatewayError(error: Error, headers: readonly string[]): GatewayError {
  const kind = error instanceof BackendFailure ? error.kind : 'broken'
  return new GatewayError(codes[kind], { headers, cause: error })
}
