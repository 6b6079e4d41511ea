import { randomUUID } from 'node:crypto'
import OAuth2Server from 'oauth2-server'
import type { Logger } from '../../common/log.ts'
import { hashCredential, type RandomSource } from '../credentials.ts'
import { type Refusal, RequestRefused, refusals } from '../errors.ts'
import type { SigningKeys, TokenSigner } from '../keys/signing-keys.ts'
import { Changes } from '../store/changes.ts'
import type { Client, GrantType } from '../store/client.ts'
import { CodeRepository, type StoredCode } from '../store/code-repository.ts'
import { GroupWriter } from '../store/group-writer.ts'
import { isMissingReference } from '../store/missing-reference.ts'
import { ResourceRepository } from '../store/resource-repository.ts'
import type { Database } from '../store/tables.ts'
import { type NewAccessToken, type StoredRefreshToken, TokenRepository } from '../store/token-repository.ts'
import type { TokenUser } from './access-token-claims.ts'
import { AuthorizationCodes } from './authorization-codes.ts'
import { GrantModel, type GrantStore, type TokenLifetimes } from './grant-model.ts'
import { chooseTarget, type TokenTarget } from './resource-indicators.ts'

/** What an authenticated client asks for. */
export interface GrantRequest {
  readonly client: Client
  readonly grantType: GrantType
  readonly scope?: string | undefined
  readonly refreshToken?: string | undefined
  /** The resources (RFC 8707) that the tokens are to be for; none where the request does not say. */
  readonly resources?: readonly string[]
  readonly code?: string | undefined
  readonly redirectUri?: string | undefined
  readonly codeVerifier?: string | undefined
}

/** What a client presents that tokens were granted for before. */
interface Presented {
  readonly token?: StoredRefreshToken | undefined
  readonly code?: StoredCode | undefined
}

/** Tokens that were just issued and stored. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly scope: readonly string[]
  readonly accessTokenLifetimeMs: number
}

/** What the issuer works with. */
export interface IssuerServices {
  readonly db: Database
  readonly lifetimes: TokenLifetimes & {
    /**
     * How long a used refresh token may come back without harm, in milliseconds: a client that lost the answer, or that
     * refreshes from two threads at once, is refused but keeps the tokens of the one that won. 0 means not at all.
     */
    readonly refreshTokenReuseGraceMs: number
  }
  /** The URL by which clients know this server. */
  readonly issuer: () => string
  readonly signingKeys: Pick<SigningKeys, 'signer'>
  readonly now: () => number
  readonly random: RandomSource
  readonly log: Logger
}

/** What is settled of a request before its transaction begins. */
interface PreparedGrant {
  readonly request: GrantRequest
  readonly user: TokenUser | null
  readonly target: TokenTarget
  /** `undefined` where the access token is opaque. */
  readonly signer: TokenSigner | undefined
  readonly presented: Presented
}

/** Issues tokens. The `oauth2-server` library is the state machine of the grants; it sees authenticated clients only. */
export class TokenIssuer {
  readonly #services: IssuerServices
  readonly #tokens: TokenRepository
  readonly #codes: AuthorizationCodes
  readonly #accessTokens: GroupWriter<NewAccessToken>

  constructor(services: IssuerServices) {
    this.#services = services
    this.#accessTokens = new GroupWriter((tokens) => this.#tokens.insertAccessTokens(tokens))
    this.#codes = new AuthorizationCodes(services)
    this.#tokens = new TokenRepository(services.db)
  }

  /**
   * Issues tokens for a grant. Everything that the library does is one SQL transaction, so that a code or a refresh token
   * is used up exactly when what it is exchanged for is stored: neither a bad scope nor a crash burns it. Throws
   * {@link RequestRefused}.
   */
  async issue(request: GrantRequest): Promise<IssuedTokens> {
    const prepared = await this.#prepare(request)
    try {
      return await this.#inStore(prepared, (store) => this.#runLibrary(prepared, store))
    } catch (error) {
      const { code } = prepared.presented
      if (code !== undefined && error instanceof OAuth2Server.InvalidGrantError)
        await this.#codes.revokeIfReplayed(code)
      throw withoutLibraryText(error)
    }
  }

  /** An access token alone is one row, which goes with others into one statement; all else is a transaction of its own. */
  #inStore<T>({ request }: PreparedGrant, work: (store: GrantStore) => Promise<T>): Promise<T> {
    const { db } = this.#services
    if (request.grantType === 'client_credentials' && !request.client.grantTypes.includes('refresh_token'))
      return work({ ...storeOn(db), insertAccessToken: (token) => this.#accessTokens.add(token) })
    return db.transaction().execute((transaction) => work(storeOn(transaction)))
  }

  /** Reads what the grant depends on. A transaction on SQLite has the one connection, so that it must be before it. */
  async #prepare(request: GrantRequest): Promise<PreparedGrant> {
    const presented = await this.#presented(request)
    const before = presented.token ?? presented.code
    const { client, resources: asked = [] } = request
    const wanted = { client, asked, ...(before && { granted: before.audience }) }
    const target = await chooseTarget(wanted, new ResourceRepository(this.#services.db))
    const signer = target.format === 'jwt' ? await this.#services.signingKeys.signer() : undefined
    return { request, user: userOf(before), target, signer, presented }
  }

  async #presented(request: GrantRequest): Promise<Presented> {
    if (request.grantType === 'refresh_token') return { token: await this.#presentedToken(request) }
    // The library is not asked about a client that may not use the grant before it has seen a code.
    if (
      request.grantType !== 'authorization_code' ||
      !request.client.grantTypes.includes('authorization_code')
    )
      return {}
    return { code: await this.#codes.accept(request) }
  }

  async #presentedToken(request: GrantRequest): Promise<StoredRefreshToken | undefined> {
    if (request.refreshToken === undefined) return undefined
    const now = this.#services.now()
    const stored = await this.#tokens.findRefreshToken(hashCredential(request.refreshToken), now)
    if (stored === undefined || stored.clientId !== request.client.id) return undefined
    if (stored.consumedAt === null) return stored
    const graceMs = this.#services.lifetimes.refreshTokenReuseGraceMs
    if (graceMs === 0 || now - stored.consumedAt > graceMs) await this.#revokeStolenFamily(stored)
    return undefined
  }

  /** RFC 9700 §4.14.2: a used token that comes back has two holders, and one of them is a thief. */
  async #revokeStolenFamily({ clientId, familyId }: StoredRefreshToken): Promise<void> {
    const { db, now } = this.#services
    const actor = { id: clientId, address: null }
    await new Changes(db, now).make(actor, async (change) => {
      if (!(await new TokenRepository(change.db).revokeFamily(familyId, change.now))) return
      change.affects({ kind: 'family', id: familyId }, 'revoke')
      const detail = { reason: 'a used refresh token came back', familyId }
      await change.audit({ action: 'tokens.revoked', target: `client:${clientId}`, detail })
    })
    this.#services.log.warn(
      { client_id: clientId },
      'a used refresh token came back: all tokens of its family are revoked',
    )
  }

  async #runLibrary(
    { request, user, target, signer, presented: { token, code } }: PreparedGrant,
    store: GrantStore,
  ): Promise<IssuedTokens> {
    const { lifetimes, issuer, now, random } = this.#services
    const model = new GrantModel(
      {
        ...{ client: request.client, user, target, presented: token, code },
        familyId: token?.familyId ?? code?.familyId ?? randomUUID(),
      },
      {
        ...store,
        ...{ issuer: issuer(), signer, lifetimes, now: now(), random },
      },
    )
    const library = new OAuth2Server({ model: model.asLibraryModel(), requireClientAuthentication })
    const issued = await library.token(syntheticRequest(request), new OAuth2Server.Response())
    return {
      accessToken: issued.accessToken,
      refreshToken: issued.refreshToken,
      scope: issued.scope ?? [],
      accessTokenLifetimeMs: model.accessTokenLifetimeMs,
    }
  }
}

function storeOn(db: Database): GrantStore {
  const tokens = new TokenRepository(db)
  return {
    tokens,
    codes: new CodeRepository(db),
    insertAccessToken: (token) => tokens.insertAccessToken(token),
  }
}

/** A user's code, and then its refresh tokens, act for the user. */
function userOf(presented: StoredRefreshToken | StoredCode | undefined): TokenUser | null {
  if (presented === undefined || presented.userId === null) return null
  return { id: presented.userId, entitlements: presented.entitlements }
}

/** The client was authenticated in front of the library, which is never shown a secret. */
const requireClientAuthentication: Readonly<Record<GrantType, false>> = {
  authorization_code: false,
  client_credentials: false,
  refresh_token: false,
}

/** A request of our own making: of what the caller sent it holds only the parameters that this grant defines. */
function syntheticRequest(request: GrantRequest): OAuth2Server.Request {
  const body: Record<string, string> = { grant_type: request.grantType, client_id: request.client.id }
  if (request.scope !== undefined) body.scope = request.scope
  if (request.refreshToken !== undefined) body.refresh_token = request.refreshToken
  if (request.code !== undefined) body.code = request.code
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
  // The client was deleted since it has authenticated.
  if (isMissingReference(error)) return new RequestRefused(refusals.invalidClient)
  if (!(error instanceof OAuth2Server.OAuthError)) return error
  const refusal = refusalByLibraryName[error.name]
  if (refusal !== undefined) return new RequestRefused(refusal)
  return 'inner' in error && error.inner instanceof Error ? withoutLibraryText(error.inner) : error
}
