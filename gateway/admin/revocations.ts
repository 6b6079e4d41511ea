import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AttemptLimit } from '../../common/attempt-limit.ts'
import type { Clock } from '../clock.ts'
import type { Revocation } from '../revocation.ts'
import type { RevocationIntake } from '../revocation-intake.ts'
import { AdminRefusal, type RefusalListener, toRefusal } from './refusal.ts'
import { parseRevocation } from './revocation-request.ts'

export interface RevocationEndpointContext {
  /** What a sender must present; `undefined` where the endpoint is closed. */
  readonly secret: string | undefined
  readonly intake: RevocationIntake
  /** What takes effect when a client or a user has changed: `revoke` where tokens are checked here, which hold it all. */
  readonly whenChanged: Revocation['effect']
  readonly clock: Clock
  readonly onRefused: RefusalListener
}

const maxBodyBytes = 8_192

/** How long a sender should wait when not all processes could be told, in seconds. */
export const retryAfterS = '1'

/**
 * `POST /revocations`: whose tokens are no longer good, in the gateway's own short form. 204 once every gateway process
 * heeds it; 503 when only this one does, so that the sender repeats it: announced twice is as good as once.
 */
export function addRevocationEndpoint(app: FastifyInstance, context: RevocationEndpointContext): void {
  const { intake, onRefused, whenChanged } = context
  const authenticate = createAuthentication(context)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => body,
  )
  app.setErrorHandler((error, request, reply) => {
    const refusal = toRefusal(error)
    onRefused('revocations', refusal.code, request.ip)
    return reply
      .code(refusal.status)
      .headers({ ...refusal.headers, 'cache-control': 'no-store' })
      .type('application/problem+json')
      .send(Buffer.from(JSON.stringify(refusal.toProblem())))
  })
  app.post('/revocations', {
    bodyLimit: maxBodyBytes,
    // Before a byte of the body is read.
    onRequest: async (request) => authenticate(request),
    handler: async (request, reply) => {
      requirePlainBody(request)
      const asked = parseRevocation(typeof request.body === 'string' ? request.body : '')
      const revocation =
        isOfOneHolder(asked) && asked.effect === 'refresh' ? { ...asked, effect: whenChanged } : asked
      if (await intake.take('endpoint', revocation)) return reply.code(204).send()
      throw new AdminRefusal('not-everywhere', undefined, { 'retry-after': retryAfterS })
    },
  })
}

/**
 * Wrong secrets of one address that are told in the log. What is over it is still compared and refused, so that guessing
 * neither fills the log nor locks out the right secret: it is the secret's length that keeps guesses from being right.
 */
const toldFailures = { max: 10, windowMs: 60_000, maxKeys: 1_000 }

/** To refuse what everybody has because somebody's quota has changed would be too much. */
function isOfOneHolder({ target: { kind } }: Revocation): boolean {
  return kind === 'client' || kind === 'user'
}

/** Lets through who presents the secret. It is compared as a hash, in a time that tells nothing of it. */
function createAuthentication({
  secret,
  clock,
}: RevocationEndpointContext): (request: FastifyRequest) => void {
  const wanted = secret === undefined ? undefined : sha256(secret)
  const failures = new AttemptLimit({ ...toldFailures, now: clock })
  return ({ headers: { authorization = '' }, ip }) => {
    if (wanted === undefined) throw new AdminRefusal('secret-unset')
    const [, presented = ''] = /^bearer +(.*)$/i.exec(authorization) ?? []
    if (timingSafeEqual(sha256(presented), wanted)) return
    const waitS = failures.add(ip)
    if (waitS !== undefined)
      throw new AdminRefusal('too-many-failures', undefined, { 'retry-after': String(waitS) })
    throw new AdminRefusal('secret-missing', 'send it as "Authorization: Bearer SECRET"', {
      'www-authenticate': 'Bearer realm="passerelle admin"',
    })
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** A compressed body is for nobody here to open. */
export function requirePlainBody({ headers }: FastifyRequest): void {
  if (headers['content-encoding'] !== undefined)
    throw new AdminRefusal('media-type-refused', 'it must have no Content-Encoding')
}
