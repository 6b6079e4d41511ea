import type { ClientCredentials } from '../config/settings.ts'
import {
  askProvider,
  basicAuthorization,
  type IdentityProvider,
  IdentityProviderFailure,
  type ProviderConnection,
  parseAnswer,
} from './identity-provider.ts'
import { readIntrospectionAnswer, type TokenMetadata } from './token-metadata.ts'

/** Asks by token introspection (RFC 7662). */
export class IntrospectionProvider implements IdentityProvider {
  readonly id: string
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #connection: ProviderConnection

  constructor(
    { url, credentials }: { url: string; credentials: ClientCredentials },
    connection: ProviderConnection,
  ) {
    this.id = `introspect ${url}`
    this.#url = url
    this.#headers = {
      authorization: basicAuthorization(credentials),
      'content-type': 'application/x-www-form-urlencoded',
    }
    this.#connection = connection
  }

  async lookUp(token: string): Promise<TokenMetadata | undefined> {
    const body = `token=${encodeURIComponent(token)}&token_type_hint=access_token`
    const answer = await askProvider(this.#connection, {
      method: 'POST',
      url: this.#url,
      headers: this.#headers,
      body,
    })
    // Whatever is not 200 says something of the gateway's own credentials or of the provider, never of the token (§2.3).
    if (answer.status !== 200)
      throw new IdentityProviderFailure(`the identity provider answered ${answer.status}`)
    return readIntrospectionAnswer(parseAnswer(answer))
  }
}
