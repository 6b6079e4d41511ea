import type { Dispatcher } from 'undici'
import { request } from 'undici'
import type { ClientCredentials } from '../config/settings.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** Says what an access token means. */
export interface IdentityProvider {
  /** Tells providers apart: part of the key under which an answer is cached. */
  readonly id: string
  /**
   * Asks for a token; `undefined` when the provider says definitely that it is not valid. Rejects with
   * {@link IdentityProviderFailure} when no such answer can be had.
   */
  lookUp(token: string): Promise<TokenMetadata | undefined>
}

/** The identity provider could not say what a token means: it is down, slow, refuses the gateway, or talks nonsense. */
export class IdentityProviderFailure extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'IdentityProviderFailure'
  }
}

/** Why a provider refuses a token: what is wrong with it, in words that hold nothing of it. */
export type RefusalReason =
  | 'form'
  | 'type'
  | 'algorithm'
  | 'key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  | 'claims'
  | 'bound'

/** Hears why a provider refuses tokens; supplied by whoever counts it. */
export interface RefusalListener {
  tokenRefused(reason: RefusalReason): void
}

/** How a provider is reached. */
export interface ProviderConnection {
  readonly dispatcher: Dispatcher
  readonly timeoutMs: number
}

/** A provider's answer: its status, the schemes with which it asks who we are, what it says its body is, and its body. */
export interface ProviderAnswer {
  readonly status: number
  readonly challenge: string
  readonly contentType: string
  readonly text: string
}

interface ProviderRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** The largest answer that is read, instead of that for an answer about one token. */
  readonly maxAnswerKiB?: number
  /** Ends the waiting, instead of the connection's timeout: where several questions share one. */
  readonly deadline?: AbortSignal
}

/** More than any honest answer about one token, and little enough to be held for each look-up under way. */
const defaultMaxAnswerKiB = 64

/**
 * Asks the provider, within the timeout for the whole answer. Redirects are not followed and nothing is decompressed, so
 * that no answer leads elsewhere or grows beyond its bound. Rejects with {@link IdentityProviderFailure}.
 */
export async function askProvider(
  connection: ProviderConnection,
  asked: ProviderRequest,
): Promise<ProviderAnswer> {
  try {
    const answer = await request(asked.url, {
      dispatcher: connection.dispatcher,
      method: asked.method,
      headers: { ...asked.headers, accept: 'application/json' },
      body: asked.body ?? null,
      signal: asked.deadline ?? AbortSignal.timeout(connection.timeoutMs),
    })
    const text = await readBounded(answer.body, asked.maxAnswerKiB ?? defaultMaxAnswerKiB)
    const { 'www-authenticate': challenge = '', 'content-type': contentType = '' } = answer.headers
    return { status: answer.statusCode, challenge: String(challenge), contentType: String(contentType), text }
  } catch (error) {
    if (error instanceof IdentityProviderFailure) throw error
    throw new IdentityProviderFailure('the identity provider did not answer', error)
  }
}

async function readBounded(body: Dispatcher.ResponseData['body'], maxKiB: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxKiB * 1_024)
      throw new IdentityProviderFailure(`the identity provider’s answer is over ${maxKiB} KiB`)
    chunks.push(chunk)
  }
  return decodeStrictly(Buffer.concat(chunks))
}

/** Two names that differ in broken bytes only would else read the same: each broken byte becomes one same sign. */
function decodeStrictly(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new IdentityProviderFailure('the identity provider’s answer is not UTF-8')
  }
}

/** Parses a provider's JSON. What is wrong with it goes no further: it may hold anything. */
export function parseAnswer(answer: ProviderAnswer): unknown {
  try {
    return JSON.parse(answer.text)
  } catch {
    throw new IdentityProviderFailure('the identity provider’s answer is not JSON')
  }
}

/** HTTP Basic with both parts form-encoded first (RFC 6749 §2.3.1). */
export function basicAuthorization({ clientId, clientSecret }: ClientCredentials): string {
  const pair = `${formEncode(clientId)}:${formEncode(clientSecret)}`
  return `Basic ${Buffer.from(pair, 'latin1').toString('base64')}`
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
