import { timingSafeEqual } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hashCredential } from '../credentials.ts'
import { AssertionRepository } from '../store/assertion-repository.ts'
import type { AuthMethod, Client } from '../store/client.ts'
import { type ClientProofs, ClientRepository } from '../store/client-repository.ts'
import type { Database } from '../store/tables.ts'
import { type ProvenAssertion, verifyAssertion } from './client-assertion.ts'
import { maxSecrets } from './client-secrets.ts'

/** What a caller says of itself, and the one way in which it proves it. */
export type ClientCredentials = { readonly id: string } & (
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly assertion: string }
  | { readonly method: 'none' }
)

/** What the authenticator works with. */
export interface AuthenticatorServices {
  readonly db: Database
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** The URL by which clients know this server. */
  readonly issuer: () => string
}

/** Compared with where there is no secret: SHA-256 of nothing that is known. */
const nobodysSecretHash = '0'.repeat(64)

/** Tells whether a caller is the client that it says it is. */
export class ClientAuthenticator {
  readonly #services: AuthenticatorServices
  readonly #clients: ClientRepository
  readonly #assertions: AssertionRepository
  readonly #aboutToRead = new Map<string, Promise<ClientProofs | undefined>>()

  constructor(services: AuthenticatorServices) {
    this.#services = services
    this.#clients = new ClientRepository(services.db)
    this.#assertions = new AssertionRepository(services.db)
  }

  /**
   * The client with these credentials; `undefined` for an unknown id, a wrong, revoked or expired secret, a method that is
   * not the client's and a disabled client alike. All cost the same query, and the same hash and comparisons or the same
   * verification, so that the time does not tell which ids exist.
   */
  async authenticate(credentials: ClientCredentials): Promise<Client | undefined> {
    const id = plainClientId(credentials.id) ?? ''
    const known = await this.#clients.findProofs(id, this.#services.now())
    const proof = await this.#proofOf(credentials, known)
    if (proof === undefined) return undefined
    return proof === 'proven' || (await this.#useOnce(id, proof)) ? this.#clients.find(id) : undefined
  }

  /** Whether credentials that a client has just authenticated with are right still. */
  async isStill(credentials: ClientCredentials): Promise<boolean> {
    const known = await this.#proofsFromNow(plainClientId(credentials.id) ?? '')
    return (await this.#proofOf(credentials, known)) !== undefined
  }

  /** What is read after this call: all who ask within one turn of the event loop share it, and nobody joins later. */
  #proofsFromNow(id: string): Promise<ClientProofs | undefined> {
    const shared =
      this.#aboutToRead.get(id) ??
      nextTurn().then(() => {
        this.#aboutToRead.delete(id)
        return this.#clients.findProofs(id, this.#services.now())
      })
    this.#aboutToRead.set(id, shared)
    return shared
  }

  async #proofOf(
    credentials: ClientCredentials,
    known: ClientProofs | undefined,
  ): Promise<'proven' | ProvenAssertion | undefined> {
    const proof = await this.#prove(credentials, known)
    if (known === undefined || known.isDisabled) return undefined
    return isMethodOf(known.authMethod, credentials.method) ? proof : undefined
  }

  async #prove(
    credentials: ClientCredentials,
    known: ClientProofs | undefined,
  ): Promise<'proven' | ProvenAssertion | undefined> {
    const { now, issuer } = this.#services
    switch (credentials.method) {
      case 'none':
        return 'proven'
      case 'private_key_jwt':
        return verifyAssertion(credentials.assertion, {
          clientId: credentials.id,
          jwks: known?.jwks ?? null,
          issuer: issuer(),
          now: now(),
        })
      case 'client_secret_basic':
      case 'client_secret_post':
        return isOneOf(hashCredential(credentials.secret), known?.secretHashes ?? []) ? 'proven' : undefined
      default:
        throw credentials satisfies never
    }
  }

  #useOnce(clientId: string, { id, expiresAt }: ProvenAssertion): Promise<boolean> {
    return this.#assertions.use({ clientId, idHash: hashCredential(id), expiresAt })
  }
}

/**
 * An id that this server may have made; `undefined` for any other text, which stays out of queries (Postgres refuses some,
 * such as NUL, with an error) and out of whatever is counted by client.
 */
export function plainClientId(id: string): string | undefined {
  return /^[a-z0-9-]{1,64}$/.test(id) ? id : undefined
}

function isMethodOf(registered: AuthMethod, used: ClientCredentials['method']): boolean {
  return registered === used || (registered === 'client_secret' && used.startsWith('client_secret_'))
}

/** Compares with as many hashes as a client can have, whether it has them or not. */
function isOneOf(presented: string, hashes: readonly string[]): boolean {
  const hash = Buffer.from(presented, 'hex')
  const matches = Array.from({ length: maxSecrets }, (_, index) =>
    timingSafeEqual(hash, Buffer.from(hashes[index] ?? nobodysSecretHash, 'hex')),
  )
  return matches.includes(true)
}
