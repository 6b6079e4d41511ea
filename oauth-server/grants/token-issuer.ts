import { randomUUID } from 'node:crypto'
import OAuth2Server from 'oauth2-server'
import type { Logger } from '../../common/log.ts'
import { hashCredential, type RandomSource } from '../credentials.ts'
import { type Refusal, RequestRefused, refusals } from '../errors.ts'
import type { Client, GrantType } from '../store/client-repository.ts'
import type { Database } from '../store/tables.ts'
import { type StoredRefreshToken, TokenRepository } from '../store/token-repository.ts'
import { GrantModel, type TokenLifetimes } from './grant-model.ts'

/** What an authenticated client asks for. */
export interface GrantRequest {
  readonly client: Client
  readonly grantType: GrantType
  readonly scope?: string | undefined
  readonly refreshToken?: string | undefined
}

/** Tokens that were just issued and stored. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly scope: readonly string[]
}

/** What the issuer works with. */
export interface IssuerServices {
  readonly db: Database
  readonly lifetimes: TokenLifetimes
  readonly now: () => number
  readonly random: RandomSource
  readonly log: Logger
}

/**
 * How long a used refresh token may come back without harm: a client that lost the answer, or that refreshes from two
 * threads at once, is refused but keeps the tokens of the one that won.
 */
const reuseGraceMs = 10_000

/** Issues tokens. The `oauth2-server` library is the state machine of the grants; it sees authenticated clients only. */
export class TokenIssuer {
  readonly #services: IssuerServices
  readonly #tokens: TokenRepository

  constructor(services: IssuerServices) {
    this.#services = services
    this.#tokens = new TokenRepository(services.db)
  }

  /**
   * Issues tokens for a grant. Everything that the library does is one SQL transaction, so that a refresh token is used
   * up exactly when its successor is stored: neither a bad scope nor a crash burns it. Throws {@link RequestRefused}.
   */
  async issue(request: GrantRequest): Promise<IssuedTokens> {
    const presented = await this.#presentedToken(request)
    try {
      return await this.#services.db
        .transaction()
        .execute((transaction) => this.#runLibrary(request, new TokenRepository(transaction), presented))
    } catch (error) {
      throw withoutLibraryText(error)
    }
  }

  async #presentedToken(request: GrantRequest): Promise<StoredRefreshToken | undefined> {
    if (request.grantType !== 'refresh_token' || request.refreshToken === undefined) return undefined
    const now = this.#services.now()
    const stored = await this.#tokens.findRefreshToken(hashCredential(request.refreshToken), now)
    if (stored === undefined || stored.clientId !== request.client.id) return undefined
    if (stored.consumedAt === null) return stored
    if (now - stored.consumedAt > reuseGraceMs) await this.#revokeStolenFamily(stored, now)
    return undefined
  }

  /** RFC 9700 §4.14.2: a used token that comes back has two holders, and one of them is a thief. */
  async #revokeStolenFamily(reused: StoredRefreshToken, now: number): Promise<void> {
    await this.#tokens.revokeFamily(reused.familyId, now)
    this.#services.log.warn(
      { client_id: reused.clientId },
      'a used refresh token came back: all tokens of its family are revoked',
    )
  }

  async #runLibrary(
    request: GrantRequest,
    tokens: TokenRepository,
    presented: StoredRefreshToken | undefined,
  ): Promise<IssuedTokens> {
    const { lifetimes, now, random } = this.#services
    const model = new GrantModel(
      { client: request.client, presented, familyId: presented?.familyId ?? randomUUID() },
      { tokens, lifetimes, now: now(), random },
    )
    const library = new OAuth2Server({ model: model.asLibraryModel(), requireClientAuthentication })
    const issued = await library.token(syntheticRequest(request), new OAuth2Server.Response())
    return { accessToken: issued.accessToken, refreshToken: issued.refreshToken, scope: issued.scope ?? [] }
  }
}

/** The client was authenticated in front of the library, which is never shown a secret. */
const requireClientAuthentication: Readonly<Record<GrantType, false>> = {
  client_credentials: false,
  refresh_token: false,
}

/** A request of our own making: of what the caller sent it holds only the parameters that this grant defines. */
function syntheticRequest(request: GrantRequest): OAuth2Server.Request {
  const body: Record<string, string> = { grant_type: request.grantType, client_id: request.client.id }
  if (request.scope !== undefined) body.scope = request.scope
  if (request.refreshToken !== undefined) body.refresh_token = request.refreshToken
  return new OAuth2Server.Request({
    method: 'POST',
    query: {},
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      // Says that there is a body; the library looks at its presence only.
      'content-length': '1',
    },
    body,
  })
}

/** The library's refusals that a client can cause, with our own texts. */
const refusalByLibraryName: Readonly<Record<string, Refusal>> = {
  invalid_request: refusals.missingParameter,
  invalid_grant: refusals.invalidGrant,
  invalid_scope: refusals.invalidScope,
  unauthorized_client: refusals.unauthorizedClient,
}

/**
 * Turns what the library throws into our own refusal, or into the error that it wrapped: its `server_error` would hand
 * the text of that error, such as a database's host and port, to the client.
 */
function withoutLibraryText(error: unknown): unknown {
  if (!(error instanceof OAuth2Server.OAuthError)) return error
  const refusal = refusalByLibraryName[error.name]
  if (refusal !== undefined) return new RequestRefused(refusal)
  return 'inner' in error && error.inner instanceof Error ? error.inner : error
}
