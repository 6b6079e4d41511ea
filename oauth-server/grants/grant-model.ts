import type OAuth2Server from 'oauth2-server'
import { hashCredential, lastFour, mintCredential, type RandomSource } from '../credentials.ts'
import type { TokenSigner } from '../keys/signing-keys.ts'
import type { Client } from '../store/client.ts'
import type { CodeRepository, StoredCode } from '../store/code-repository.ts'
import type { NewAccessToken, StoredRefreshToken, TokenRepository } from '../store/token-repository.ts'
import { accessTokenClaims, type TokenUser } from './access-token-claims.ts'
import type { TokenTarget } from './resource-indicators.ts'

/** How long tokens live, in milliseconds. */
export interface TokenLifetimes {
  readonly accessTokenLifetimeMs: number
  readonly refreshTokenLifetimeMs: number
  /** From a family's first token on, however often it is refreshed. */
  readonly refreshTokenMaxLifetimeMs: number
}

/** Whom the model answers for. */
export interface GrantSubject {
  /** Authenticated by the front. */
  readonly client: Client
  /** For whom the client acts; `null` where for itself. */
  readonly user: TokenUser | null
  readonly target: TokenTarget
  /** The client's own, unused refresh token that it presented. */
  readonly presented: StoredRefreshToken | undefined
  /** The client's own authorization code that it presented, with everything that it is bound to. */
  readonly code: StoredCode | undefined
  /** Where its refresh tokens belong: the family of what it presented or a new one. */
  readonly familyId: string
}

/** Where tokens and what they are exchanged for are kept. Where several things change they are on one transaction. */
export interface GrantStore {
  readonly tokens: TokenRepository
  readonly codes: CodeRepository
  readonly insertAccessToken: (token: NewAccessToken) => Promise<void>
}

/** What the model works with. */
export interface GrantMeans extends GrantStore {
  readonly issuer: string
  /** Signs the access token; `undefined` where it is opaque. */
  readonly signer: TokenSigner | undefined
  readonly lifetimes: TokenLifetimes
  readonly now: number
  readonly random: RandomSource
}

type LibraryModel = OAuth2Server.ClientCredentialsModel &
  OAuth2Server.RefreshTokenModel &
  OAuth2Server.AuthorizationCodeModel

/** The library holds a code's expiry against the system's clock; ours held it against the one that is passed in. */
const farFuture = new Date(8_640_000_000_000_000)

/** One token request's view of the store, in the shape that the `oauth2-server` library asks for. */
export class GrantModel implements Omit<LibraryModel, 'getAccessToken' | 'saveAuthorizationCode'> {
  readonly #subject: GrantSubject
  readonly #means: GrantMeans

  constructor(subject: GrantSubject, means: GrantMeans) {
    this.#subject = subject
    this.#means = means
  }

  /** The library's types also ask for what only its resource-server side calls, which is not used. */
  asLibraryModel(): LibraryModel {
    return this as unknown as LibraryModel
  }

  async getClient(): Promise<OAuth2Server.Client> {
    return this.#libraryClient()
  }

  async getUserFromClient(client: OAuth2Server.Client): Promise<OAuth2Server.User> {
    return { id: client.id }
  }

  /** Without this the library would grant any scope that is asked for. */
  async validateScope(_user: unknown, _client: unknown, asked?: string[]): Promise<string[] | false> {
    if (asked === undefined) return [...this.#subject.client.scopes]
    return asked.every((scope) => this.#subject.client.scopes.includes(scope)) && asked
  }

  /** The expiry is left out: it was held against our clock, and the library would hold it against the system's. */
  async getRefreshToken(refreshToken: string): Promise<OAuth2Server.RefreshToken | false> {
    const { presented, client } = this.#subject
    if (presented === undefined) return false
    // A scope that the client has lost since is not renewed.
    const scope = presented.scope.filter((item) => client.scopes.includes(item))
    return { refreshToken, scope, client: this.#libraryClient(), user: { id: client.id } }
  }

  /** The family before its token: a revocation that has come meanwhile is seen, and one that comes now waits. */
  async revokeToken(): Promise<boolean> {
    const { presented } = this.#subject
    const { tokens, now } = this.#means
    if (presented === undefined) return false
    if (!(await tokens.prolongFamily(presented.familyId, this.#familyExpiresAt))) return false
    return tokens.consumeRefreshToken(presented.hash, now)
  }

  /** The front has held it against its redirect URI and its challenge; the library is shown neither. */
  async getAuthorizationCode(authorizationCode: string): Promise<OAuth2Server.AuthorizationCode | false> {
    const { code, client } = this.#subject
    if (code === undefined) return false
    return {
      authorizationCode,
      expiresAt: farFuture,
      redirectUri: '',
      scope: code.scope.filter((item) => client.scopes.includes(item)),
      client: this.#libraryClient(),
      user: { id: code.userId },
    }
  }

  async revokeAuthorizationCode(): Promise<boolean> {
    const { code } = this.#subject
    const { codes, now } = this.#means
    const keptUntil = Math.max(this.#familyExpiresAt, this.#refreshing.endsAt)
    return code !== undefined && codes.consume(code.hash, { now, keptUntil })
  }

  async generateAccessToken(
    _client: OAuth2Server.Client,
    _user: OAuth2Server.User,
    scope: string[],
  ): Promise<string> {
    return this.#makeAccessToken([...new Set(scope)])
  }

  /** None, as `saveToken` makes it, also where the library would not. The library's own would cost more than all else here. */
  async generateRefreshToken(): Promise<string> {
    return ''
  }

  async saveToken(
    token: OAuth2Server.Token,
    client: OAuth2Server.Client,
    user: OAuth2Server.User,
  ): Promise<OAuth2Server.Token> {
    const { accessToken } = token
    const scope = [...new Set(token.scope)]
    const mayRefresh = this.#subject.client.grantTypes.includes('refresh_token')
    const refreshToken = mayRefresh ? mintCredential('prt', this.#means.random) : undefined
    // A code that comes back must find what to revoke, whether there is a refresh token or not.
    const hasFamily = mayRefresh || this.#subject.code !== undefined
    // The order is the foreign keys': the family first.
    if (hasFamily && this.#subject.presented === undefined) await this.#insertFamily()
    if (refreshToken !== undefined) await this.#saveRefreshToken(refreshToken, scope)
    await this.#saveAccessToken(accessToken, scope, hasFamily)
    return { accessToken, ...(refreshToken && { refreshToken }), scope, client, user }
  }

  /** How long access tokens are used, in milliseconds. */
  get accessTokenLifetimeMs(): number {
    return this.#subject.target.accessTokenLifetimeMs ?? this.#means.lifetimes.accessTokenLifetimeMs
  }

  /** When a refresh token that is made now ends: each use puts it off, up to the family's own end. */
  get #refreshing(): { readonly expiresAt: number; readonly endsAt: number } {
    const { lifetimes, now } = this.#means
    const { client, presented } = this.#subject
    const endsAt = presented?.familyEndsAt ?? now + lifetimes.refreshTokenMaxLifetimeMs
    const idleMs = client.refreshTokenLifetimeMs ?? lifetimes.refreshTokenLifetimeMs
    return { expiresAt: Math.min(now + idleMs, endsAt), endsAt }
  }

  /** Until when anything of the family can be used. */
  get #familyExpiresAt(): number {
    return Math.max(this.#refreshing.expiresAt, this.#means.now + this.accessTokenLifetimeMs)
  }

  async #makeAccessToken(scope: readonly string[]): Promise<string> {
    const { client, user, target } = this.#subject
    const { issuer, signer, now, random } = this.#means
    if (signer === undefined) return mintCredential('pat', random)
    const expiresAt = now + this.accessTokenLifetimeMs
    const { audience } = target
    const facts = { issuer, client, user, scope, audience, issuedAt: now, expiresAt }
    return signer.sign(accessTokenClaims(facts, random))
  }

  async #insertFamily(): Promise<void> {
    const { familyId, client, user, target } = this.#subject
    await this.#means.tokens.insertFamily({
      id: familyId,
      clientId: client.id,
      userId: user?.id ?? null,
      audience: target.audience,
      expiresAt: this.#familyExpiresAt,
      endsAt: this.#refreshing.endsAt,
    })
  }

  async #saveRefreshToken(refreshToken: string, granted: readonly string[]): Promise<void> {
    const { familyId, target, presented, code } = this.#subject
    await this.#means.tokens.insertRefreshToken({
      ...this.#tokenRow(refreshToken, this.#refreshing.expiresAt),
      familyId,
      // RFC 6749 §6 and RFC 8707 §2.2: a refreshed access token may be for less, its refresh token keeps the whole.
      scope: presented?.scope ?? granted,
      audience: (presented ?? code ?? target).audience,
    })
  }

  async #saveAccessToken(accessToken: string, scope: readonly string[], hasFamily: boolean): Promise<void> {
    const { insertAccessToken, signer, now } = this.#means
    const { familyId, target } = this.#subject
    await insertAccessToken({
      ...this.#tokenRow(accessToken, now + this.accessTokenLifetimeMs),
      familyId: hasFamily ? familyId : null,
      scope,
      audience: target.audience,
      keyId: signer?.kid,
    })
  }

  #tokenRow(token: string, expiresAt: number) {
    const { client, user } = this.#subject
    return {
      hash: hashCredential(token),
      lastFour: lastFour(token),
      clientId: client.id,
      userId: user?.id ?? null,
      issuedAt: this.#means.now,
      expiresAt,
    }
  }

  #libraryClient(): OAuth2Server.Client {
    const { id, grantTypes } = this.#subject.client
    return { id, grants: [...grantTypes] }
  }
}
