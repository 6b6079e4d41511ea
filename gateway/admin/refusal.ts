import type { FastifyError } from 'fastify'

const definitions = {
  'body-malformed': { status: 400, title: 'The body is not what this endpoint takes' },
  'secret-missing': { status: 401, title: 'This endpoint needs the secret of the option revocation.secret' },
  'secret-unset': {
    status: 403,
    title: 'This endpoint is closed until the option revocation.secret is set',
  },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'media-type-refused': { status: 415, title: 'The body is of another media type than this endpoint takes' },
  'too-many-failures': { status: 429, title: 'Too many requests came with a wrong secret' },
  'internal-error': { status: 500, title: 'The gateway failed on this request' },
  'not-everywhere': { status: 503, title: 'Not all gateway processes could be told: send this again' },
} as const

export type AdminRefusalCode = keyof typeof definitions

/** Hears what an endpoint refuses, by its code. */
export type RefusalListener = (endpoint: 'revocations' | 'events', code: string, address: string) => void

/** A request to the admin listener that is refused. Nothing that was sent is ever part of one. */
export class AdminRefusal extends Error {
  readonly code: AdminRefusalCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly #detail: string | undefined

  /** @param detail What exactly is wrong, in a sentence's words. */
  constructor(code: AdminRefusalCode, detail?: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail ?? definitions[code].title)
    this.name = 'AdminRefusal'
    this.code = code
    this.status = definitions[code].status
    this.headers = headers
    this.#detail = detail
  }

  /** The problem document (RFC 9457) that tells it. */
  toProblem(): Readonly<Record<string, unknown>> {
    const { status, title } = definitions[this.code]
    return { type: `urn:passerelle:error:${this.code}`, title, status, code: this.code, detail: this.#detail }
  }
}

/** What a failure on the way to a handler means; Fastify's own words may quote what was sent, and are left out. */
export function toRefusal(error: unknown): AdminRefusal {
  if (error instanceof AdminRefusal) return error
  const { statusCode = 500 } = (error instanceof Error ? error : {}) as Partial<FastifyError>
  if (statusCode === 413) return new AdminRefusal('body-too-large')
  if (statusCode === 415) return new AdminRefusal('media-type-refused')
  return new AdminRefusal(statusCode < 500 ? 'body-malformed' : 'internal-error')
}
