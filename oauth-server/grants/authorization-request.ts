import { identifiesClient, matchesRedirectUri } from '../clients/redirect-match.ts'
import { RequestRefused, refusals } from '../errors.ts'
import type { Client } from '../store/client.ts'
import { ClientRepository } from '../store/client-repository.ts'
import { type Database, sortedOnce } from '../store/tables.ts'
import { isCodeChallenge } from './code-challenge.ts'

/** Parameters with all their values; an empty one counts as left out. */
export type Parameters = ReadonlyMap<string, readonly string[]>

/** An authorization request that a user may be asked about. */
export interface AuthorizationRequest {
  readonly client: Client
  /** Where the user's browser is sent back to. */
  readonly redirectUri: string
  /** Whether the request itself named it; the exchange of the code must then name it too (RFC 6749 §4.1.3). */
  readonly isRedirectUriNamed: boolean
  readonly state: string | undefined
  readonly scope: readonly string[]
  /** The resources (RFC 8707) that the tokens are to be for; none means any. */
  readonly audience: readonly string[]
  readonly codeChallenge: string
  readonly prompts: readonly Prompt[]
  readonly loginHint: string | undefined
}

/** How the user is to be asked (OpenID Connect Core §3.1.2.1). */
export type Prompt = 'none' | 'login' | 'consent'

/** Where an answer to an authorization request goes. */
export type Target = Pick<AuthorizationRequest, 'redirectUri' | 'state'>

/** The errors that go back to the client (RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6). */
export type AuthorizationErrorCode =
  | 'invalid_request'
  | 'unauthorized_client'
  | 'access_denied'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'login_required'
  | 'consent_required'

/** A request that is refused where the client learns of it: at its redirect URI, which was found to be right. */
export class AuthorizationRefused extends Error {
  readonly target: Target
  readonly code: AuthorizationErrorCode

  constructor(target: Target, code: AuthorizationErrorCode, description: string) {
    super(description)
    this.name = 'AuthorizationRefused'
    this.target = target
    this.code = code
  }
}

/** Whether the user's consent of before will do: not where any program of the machine can pass for the client. */
export function mayRememberConsent({ client, redirectUri }: AuthorizationRequest): boolean {
  return client.authMethod !== 'none' || identifiesClient(redirectUri)
}

/** Reads authorization requests. */
export class AuthorizationRequests {
  readonly #clients: ClientRepository

  constructor(db: Database) {
    this.#clients = new ClientRepository(db)
  }

  /**
   * Reads a request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). Throws `RequestRefused` while it is not known where
   * the user could be sent back to, and {@link AuthorizationRefused} for what is wrong beyond that.
   */
  async read(parameters: Parameters): Promise<AuthorizationRequest> {
    const client = await this.#findClient(parameters.get('client_id') ?? [])
    const redirectUri = redirectUriOf(client, parameters.get('redirect_uri') ?? [])
    const [state, ...otherStates] = parameters.get('state') ?? []
    const target: Target = { redirectUri, state: otherStates.length === 0 ? state : undefined }
    return {
      ...target,
      client,
      isRedirectUriNamed: parameters.has('redirect_uri'),
      ...new RequestReader(client, parameters, target).read(),
    }
  }

  async #findClient([id = '', ...others]: readonly string[]): Promise<Client> {
    // An id that was never generated stays out of the query: Postgres refuses some texts with an error.
    const isPlain = others.length === 0 && /^[a-z0-9-]{1,64}$/.test(id)
    const client = isPlain ? await this.#clients.find(id) : undefined
    if (client === undefined || client.disabledAt !== null) throw new RequestRefused(refusals.unknownClient)
    return client
  }
}

function redirectUriOf(client: Client, [asked, ...others]: readonly string[]): string {
  const [registered, ...furtherRegistered] = client.redirectUris
  if (asked === undefined && registered !== undefined && furtherRegistered.length === 0) return registered
  const isRight = client.redirectUris.some((uri) => asked !== undefined && matchesRedirectUri(uri, asked))
  if (asked === undefined || others.length > 0 || !isRight)
    throw new RequestRefused(refusals.unknownRedirectUri)
  return asked
}

/** Reads what the redirect URI may be told the faults of. */
class RequestReader {
  readonly #client: Client
  readonly #parameters: Parameters
  readonly #target: Target

  constructor(client: Client, parameters: Parameters, target: Target) {
    this.#client = client
    this.#parameters = parameters
    this.#target = target
  }

  read() {
    for (const [name, values] of this.#parameters)
      if (values.length > 1 && name !== 'resource')
        this.#refuse('invalid_request', 'A parameter is given more than once.')
    if (this.#one('response_type') === undefined)
      this.#refuse('invalid_request', 'The parameter response_type is missing.')
    if (this.#one('response_type') !== 'code')
      this.#refuse('unsupported_response_type', 'The response type is code.')
    if (!this.#client.grantTypes.includes('authorization_code'))
      this.#refuse('unauthorized_client', 'The client may not use the grant authorization_code.')
    if ((this.#one('response_mode') ?? 'query') !== 'query')
      this.#refuse('invalid_request', 'The response mode is query.')
    return {
      codeChallenge: this.#codeChallenge(),
      scope: this.#scope(),
      audience: this.#audience(),
      prompts: this.#prompts(),
      loginHint: this.#one('login_hint'),
    }
  }

  /** RFC 9700 §2.1.1: always, and never `plain`, which RFC 7636 §4.3 takes where the method is left out. */
  #codeChallenge(): string {
    const challenge = this.#one('code_challenge')
    if (challenge === undefined) this.#refuse('invalid_request', 'The parameter code_challenge is missing.')
    if (this.#one('code_challenge_method') !== 'S256')
      this.#refuse('invalid_request', 'The parameter code_challenge_method must be S256.')
    if (!isCodeChallenge(challenge))
      this.#refuse('invalid_request', 'The code challenge must be a SHA-256 in base64url.')
    return challenge
  }

  #scope(): readonly string[] {
    const asked = this.#one('scope')
    if (asked === undefined) return this.#client.scopes
    const scope = sortedOnce(asked.split(' '))
    if (!scope.every((item) => this.#client.scopes.includes(item)))
      this.#refuse('invalid_scope', 'The scope is malformed, or more than the client may ask for.')
    return scope
  }

  #audience(): readonly string[] {
    const asked = sortedOnce(this.#parameters.get('resource') ?? [])
    // Named to the user and kept with the code: what the client may ask for later is not part of this grant.
    const resources = asked.length === 0 ? this.#client.audiences : asked
    if (!resources.every((resource) => this.#client.audiences.includes(resource)))
      this.#refuse('invalid_target', 'A resource is malformed, or none that the client may ask for.')
    return resources
  }

  #prompts(): readonly Prompt[] {
    const prompts = sortedOnce(this.#one('prompt')?.split(' ') ?? [])
    if (!prompts.every(isPrompt) || (prompts.includes('none') && prompts.length > 1))
      this.#refuse('invalid_request', 'The prompt is none alone, or login, consent or both.')
    return prompts
  }

  #one(name: string): string | undefined {
    return this.#parameters.get(name)?.[0]
  }

  #refuse(code: AuthorizationErrorCode, description: string): never {
    throw new AuthorizationRefused(this.#target, code, description)
  }
}

function isPrompt(text: string): text is Prompt {
  return text === 'none' || text === 'login' || text === 'consent'
}
