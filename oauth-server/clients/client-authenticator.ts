import { timingSafeEqual } from 'node:crypto'
import { hashCredential } from '../credentials.ts'
import { type Client, ClientRepository } from '../store/client-repository.ts'
import type { Database } from '../store/tables.ts'

/** What a caller says of itself. */
export interface ClientCredentials {
  readonly id: string
  readonly secret: string
}

/** Compared with where there is no client: SHA-256 of nothing that is known. */
const nobodysSecretHash = '0'.repeat(64)

/** Tells whether a caller is the client that it says it is. */
export class ClientAuthenticator {
  readonly #clients: ClientRepository

  constructor(db: Database) {
    this.#clients = new ClientRepository(db)
  }

  /**
   * The client with these credentials; `undefined` for an unknown id, a wrong secret and a disabled client alike. All
   * three cost one query, one hash and one comparison, so that the time does not tell which ids exist.
   */
  async authenticate({ id, secret }: ClientCredentials): Promise<Client | undefined> {
    // An id that was never generated stays out of the query: Postgres refuses some texts (such as NUL) with an error.
    const found = await this.#clients.findWithSecretHash(/^[a-z0-9-]{1,64}$/.test(id) ? id : '')
    const expected = Buffer.from(found?.secretHash ?? nobodysSecretHash, 'hex')
    const isRight = timingSafeEqual(Buffer.from(hashCredential(secret), 'hex'), expected)
    return isRight && found?.client.disabledAt === null ? found.client : undefined
  }
}
