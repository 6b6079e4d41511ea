import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload } from 'jose'
import type { Clock } from '../clock.ts'
import type { EventTransmitter } from '../config/settings.ts'
import type { KeySet } from '../tokens/key-set.ts'
import { type SignatureHeader, verifyByPublishedKey } from '../tokens/published-signature.ts'
import { eventAlgorithms } from './transmitter-keys.ts'

/** The error codes of RFC 8935 §2.4 that are used here. */
export type EventErrorCode = 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience'

/** A Security Event Token that is refused. The description holds nothing of it. */
export class EventRefused extends Error {
  readonly code: EventErrorCode

  constructor(code: EventErrorCode, description: string) {
    super(description)
    this.name = 'EventRefused'
    this.code = code
  }
}

/** A verified Security Event Token. */
export interface VerifiedEvent {
  readonly issuer: string
  readonly id: string
  readonly claims: JWTPayload
}

/**
 * An event that waited longer is about tokens that the gateways have long asked for again, and a copy of an old one must
 * not sign users out for ever after.
 */
const maxAgeS = 7 * 24 * 3_600

/** How far the clocks of transmitter and gateway may differ. */
const clockToleranceS = 60

const maxIdLength = 256

/**
 * Verifies Security Event Tokens (RFC 8417) of the configured transmitters: explicitly typed, so that no other JWT of the
 * same issuer passes for one (RFC 8725 §3.11), signed by a published key, for this receiver, and of these days.
 */
export class EventVerifier {
  readonly #transmitters: readonly Transmitter[]
  readonly #clock: Clock

  constructor(
    transmitters: readonly EventTransmitter[],
    keysOf: (transmitter: EventTransmitter) => KeySet,
    clock: Clock,
  ) {
    this.#transmitters = transmitters.map((settings) => ({ settings, keys: keysOf(settings) }))
    this.#clock = clock
  }

  /** Rejects with {@link EventRefused}, and with what the keys reject with while they cannot be had. */
  async verify(token: string): Promise<VerifiedEvent> {
    const header = readHeader(token)
    const { settings, keys } = this.#transmitterOf(token)
    const claims = await this.#verifySignature({ token, header, settings, keys })
    if (typeof claims === 'string')
      throw new EventRefused('invalid_key', 'no published key of the transmitter verifies the signature')
    const { jti } = claims
    if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength)
      throw new EventRefused('invalid_request', `jti must be a text of 1 to ${maxIdLength} characters`)
    return { issuer: settings.issuer, id: jti, claims }
  }

  /** Chosen by claims that nobody has verified yet: they decide only whose keys must verify them. */
  #transmitterOf(token: string) {
    const { iss, aud } = readClaims(token)
    const ofIssuer = this.#transmitters.filter(({ settings }) => settings.issuer === iss)
    if (ofIssuer.length === 0)
      throw new EventRefused('invalid_issuer', 'iss is none of the option revocation.transmitters')
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
    const transmitter = ofIssuer.find(({ settings }) => audiences.includes(settings.audience))
    if (transmitter === undefined)
      throw new EventRefused('invalid_audience', 'aud is not what the option revocation.transmitters says')
    return transmitter
  }

  async #verifySignature({ token, header, settings, keys }: SentEvent) {
    const { issuer, audience } = settings
    const options = {
      algorithms: [...eventAlgorithms],
      issuer,
      audience,
      requiredClaims: ['jti', 'events'],
      maxTokenAge: maxAgeS,
      clockTolerance: clockToleranceS,
      currentDate: new Date(this.#clock()),
    }
    try {
      return await verifyByPublishedKey(keys, { token, header, options })
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

interface Transmitter {
  readonly settings: EventTransmitter
  readonly keys: KeySet
}

/** A token whose transmitter is known by what it says of itself. */
interface SentEvent extends Transmitter {
  readonly token: string
  readonly header: SignatureHeader
}

/** Looks at what costs nothing first. A key, or an address of one, that the token brings along decides nothing. */
function readHeader(token: string): SignatureHeader {
  const { alg, kid, typ } = decode(() => decodeProtectedHeader(token))
  if (typeof typ !== 'string' || !/^(?:application\/)?secevent\+jwt$/i.test(typ))
    throw new EventRefused('invalid_request', 'typ must be secevent+jwt')
  if (typeof alg !== 'string' || !eventAlgorithms.includes(alg))
    throw new EventRefused('invalid_key', `alg must be one of ${eventAlgorithms.join(', ')}`)
  return { algorithm: alg, keyId: typeof kid === 'string' ? kid : undefined }
}

function readClaims(token: string): JWTPayload {
  return decode(() => decodeJwt(token))
}

function decode<T>(read: () => T): T {
  try {
    return read()
  } catch {
    throw new EventRefused('invalid_request', 'the body must be a signed JWT in compact form')
  }
}

/** jose’s own errors hold the claims: they go no further. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof errors.JOSEError)) return error
  const claim =
    error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired
      ? error.claim
      : undefined
  if (claim === undefined) return new EventRefused('invalid_request', 'the body must be a signed JWT')
  return new EventRefused('invalid_request', claimRules[claim] ?? `the claim ${claim} is missing or wrong`)
}

const claimRules: Readonly<Record<string, string>> = {
  iat: 'iat must be a time in the last seven days',
  events: 'events must be an object',
}
