import type { Clock } from '../clock.ts'
import type { ClientCredentials } from '../config/settings.ts'
import {
  askProvider,
  basicAuthorization,
  type IdentityProvider,
  IdentityProviderFailure,
  type ProviderAnswer,
  type ProviderConnection,
  parseAnswer,
} from './identity-provider.ts'
import { readVerifTokenAnswer, type TokenMetadata } from './token-metadata.ts'

/** Statuses by which a provider says that a token is not valid: the original took anything but 200 for that. */
const refusals = new Set([400, 401, 403, 404, 410])

/** Asks by the original platform's sub-request, `GET …/verifToken?access_token=…`. */
export class VerifTokenProvider implements IdentityProvider {
  readonly id: string
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #connection: ProviderConnection
  readonly #clock: Clock

  constructor(
    { url, credentials }: { url: string; credentials: ClientCredentials | undefined },
    connection: ProviderConnection,
    clock: Clock,
  ) {
    this.id = `verify ${url}`
    this.#url = url
    this.#headers = credentials === undefined ? {} : { authorization: basicAuthorization(credentials) }
    this.#connection = connection
    this.#clock = clock
  }

  async lookUp(token: string): Promise<TokenMetadata | undefined> {
    const url = `${this.#url}?access_token=${encodeURIComponent(token)}`
    // The lifetime in the answer counts from when it was given, which is not before it was asked for.
    const askedAtMs = this.#clock()
    const answer = await askProvider(this.#connection, { method: 'GET', url, headers: this.#headers })
    if (answer.status === 200) return readVerifTokenAnswer(parseAnswer(answer), askedAtMs)
    if (this.#refusesTheGateway(answer)) {
      throw new IdentityProviderFailure(
        `the identity provider refuses the gateway itself (${answer.status}): identity.verify needs the clientId and clientSecret of a client that may look tokens up`,
      )
    }
    if (refusals.has(answer.status)) return undefined
    throw new IdentityProviderFailure(`the identity provider answered ${answer.status}`)
  }

  /** Whether the provider turns away the gateway, not the client: then it says nothing of the token. */
  #refusesTheGateway({ status, challenge }: ProviderAnswer): boolean {
    return /^\s*basic\b/i.test(challenge) || (status === 403 && this.#headers.authorization !== undefined)
  }
}
