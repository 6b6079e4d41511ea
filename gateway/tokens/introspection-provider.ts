import type { ClientCredentials } from '../config/settings.ts'
import {
  askProvider,
  basicAuthorization,
  type IdentityProvider,
  IdentityProviderFailure,
  type ProviderAnswer,
  type ProviderConnection,
  parseAnswer,
  type RefusalListener,
} from './identity-provider.ts'
import { isBoundToKey, readIntrospectionAnswer, type TokenMetadata } from './token-metadata.ts'

/** Asks by token introspection (RFC 7662). */
export class IntrospectionProvider implements IdentityProvider {
  readonly id: string
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #connection: ProviderConnection
  readonly #listener: RefusalListener | undefined

  constructor(
    { url, credentials }: { url: string; credentials: ClientCredentials },
    connection: ProviderConnection,
    listener?: RefusalListener,
  ) {
    this.id = `introspect ${url}`
    this.#url = url
    this.#headers = {
      authorization: basicAuthorization(credentials),
      'content-type': 'application/x-www-form-urlencoded',
    }
    this.#connection = connection
    this.#listener = listener
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
    if (!isJson(answer))
      throw new IdentityProviderFailure('the identity provider’s answer says that it is not JSON')
    const claims = parseAnswer(answer)
    const metadata = readIntrospectionAnswer(claims)
    if (metadata !== undefined && isBoundToKey(claims)) {
      this.#listener?.tokenRefused('bound')
      return undefined
    }
    return metadata
  }
}

/** The RFC demands `application/json` (§2.2); a provider that names no type at all is believed by its body. */
function isJson({ contentType }: ProviderAnswer): boolean {
  return contentType === '' || /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)
}
