import type { FastifyInstance, FastifyReply } from 'fastify'
import type { RevocationIntake } from '../revocation-intake.ts'
import { EventRefused, type EventVerifier, type VerifiedEvent } from './event-verifier.ts'
import { type RefusalListener, toRefusal } from './refusal.ts'
import { requirePlainBody, retryAfterS } from './revocations.ts'
import { type EventContext, EventMalformed, type EventMeaning, readEvents } from './security-event.ts'
import { SeenEvents } from './seen-events.ts'

/** What became of a Security Event Token that was good. */
export type EventOutcome = 'taken' | 'ignored' | 'unnameable' | 'repeated'

export interface EventEndpointContext extends EventContext {
  readonly verifier: EventVerifier
  readonly intake: RevocationIntake
  readonly onRefused: RefusalListener
  readonly onEvent: (outcome: EventOutcome, issuer: string) => void
  /** Hears why the keys of a transmitter cannot be had; holds nothing of a token. */
  readonly onKeysFailed: (error: unknown) => void
}

const maxBodyBytes = 16_384

/** Most tokens verified at once, so that a flood of forged ones cannot take the process from its clients. */
const maxUnderWay = 64

/**
 * `POST /events`: Security Event Tokens, pushed after RFC 8935. 202 once what they ask has reached every gateway process,
 * or when they ask nothing; 400 with a code for those that are refused; 503 when the transmitter has to send it again.
 */
export function addEventEndpoint(app: FastifyInstance, context: EventEndpointContext): void {
  const seen = new SeenEvents()
  let underWay = 0
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/secevent+jwt',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => body,
  )
  app.setErrorHandler((error, request, reply) => refuse(context, error, { address: request.ip, reply }))
  app.post('/events', {
    bodyLimit: maxBodyBytes,
    handler: async (request, reply) => {
      requirePlainBody(request)
      if (underWay >= maxUnderWay) throw new TryAgain('too many events are being verified')
      underWay += 1
      try {
        await takeEvent(context, seen, typeof request.body === 'string' ? request.body : '')
      } finally {
        underWay -= 1
      }
      return reply.code(202).send()
    },
  })
}

/** Nothing is wrong with the event: the transmitter should send it again. */
class TryAgain extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'TryAgain'
  }
}

async function takeEvent(context: EventEndpointContext, seen: SeenEvents, token: string): Promise<void> {
  const event = await verify(context, token)
  const { issuer, id } = event
  if (seen.has(issuer, id)) {
    context.onEvent('repeated', issuer)
    return
  }
  const { revocations, ignored, unnameable } = meaningOf(event, context)
  const taken = await Promise.all(revocations.map((revocation) => context.intake.take('event', revocation)))
  // One that did not reach every process is not remembered: it has to be taken when it comes again.
  if (taken.includes(false)) throw new TryAgain('not all gateway processes could be told')
  seen.add(issuer, id)
  if (revocations.length > 0) context.onEvent('taken', issuer)
  if (ignored > 0) context.onEvent('ignored', issuer)
  if (unnameable > 0) context.onEvent('unnameable', issuer)
}

async function verify(
  { verifier, onKeysFailed }: EventEndpointContext,
  token: string,
): Promise<VerifiedEvent> {
  try {
    return await verifier.verify(token)
  } catch (error) {
    if (error instanceof EventRefused) throw error
    onKeysFailed(error)
    throw new TryAgain('the keys of the transmitter cannot be had')
  }
}

function meaningOf({ claims }: VerifiedEvent, context: EventContext): EventMeaning {
  try {
    return readEvents({ events: claims.events, sub_id: claims.sub_id, sub: claims.sub }, context)
  } catch (error) {
    throw error instanceof EventMalformed ? new EventRefused('invalid_request', error.message) : error
  }
}

/** Failures in the form of RFC 8935 §2.3, those of the request itself too. */
function refuse(
  { onRefused }: EventEndpointContext,
  error: unknown,
  { address, reply }: { readonly address: string; readonly reply: FastifyReply },
): FastifyReply {
  reply.headers({ 'cache-control': 'no-store', 'content-language': 'en' })
  if (error instanceof TryAgain) {
    onRefused('events', 'try-again', address)
    return reply.code(503).header('retry-after', retryAfterS).send({ description: error.message })
  }
  if (error instanceof EventRefused) {
    onRefused('events', error.code, address)
    return reply.code(400).send({ err: error.code, description: error.message })
  }
  const refusal = toRefusal(error)
  onRefused('events', refusal.code, address)
  return reply.code(refusal.status).send({ err: 'invalid_request', description: refusal.message })
}
