import type OAuth2Server from 'oauth2-server'
import { hashCredential, lastFour, mintCredential, type RandomSource } from '../credentials.ts'
import type { Client } from '../store/client-repository.ts'
import type { StoredRefreshToken, TokenRepository } from '../store/token-repository.ts'

/** How long tokens live, in milliseconds. */
export interface TokenLifetimes {
  readonly accessTokenLifetimeMs: number
  readonly refreshTokenLifetimeMs: number
}

/** Whom the model answers for. */
export interface GrantSubject {
  /** Authenticated by the front. */
  readonly client: Client
  /** The client's own, unused refresh token that it presented. */
  readonly presented: StoredRefreshToken | undefined
  /** Where its refresh tokens belong: the presented token's family or a new one. */
  readonly familyId: string
}

/** What the model works with. */
export interface GrantMeans {
  /** On the transaction in which the library runs. */
  readonly tokens: TokenRepository
  readonly lifetimes: TokenLifetimes
  readonly now: number
  readonly random: RandomSource
}

type LibraryModel = OAuth2Server.ClientCredentialsModel & OAuth2Server.RefreshTokenModel

/** One token request's view of the store, in the shape that the `oauth2-server` library asks for. */
export class GrantModel implements Omit<LibraryModel, 'getAccessToken'> {
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

  async revokeToken(): Promise<boolean> {
    const { presented } = this.#subject
    return presented !== undefined && this.#means.tokens.consumeRefreshToken(presented.hash, this.#means.now)
  }

  async saveToken(
    token: OAuth2Server.Token,
    client: OAuth2Server.Client,
    user: OAuth2Server.User,
  ): Promise<OAuth2Server.Token> {
    const scope = [...new Set(token.scope)]
    const accessToken = mintCredential('pat', this.#means.random)
    const mayRefresh = this.#subject.client.grantTypes.includes('refresh_token')
    const refreshToken = mayRefresh ? mintCredential('prt', this.#means.random) : undefined
    // The order is the foreign keys': the family first.
    if (refreshToken !== undefined) await this.#saveRefreshToken(refreshToken, scope)
    await this.#saveAccessToken(accessToken, scope, mayRefresh)
    return { accessToken, ...(refreshToken && { refreshToken }), scope, client, user }
  }

  async #saveRefreshToken(refreshToken: string, granted: readonly string[]): Promise<void> {
    const { tokens, lifetimes, now } = this.#means
    const { familyId, client, presented } = this.#subject
    const longest = Math.max(lifetimes.refreshTokenLifetimeMs, lifetimes.accessTokenLifetimeMs)
    await tokens.saveFamily({ id: familyId, clientId: client.id, expiresAt: now + longest })
    await tokens.insertRefreshToken({
      ...this.#tokenRow(refreshToken, lifetimes.refreshTokenLifetimeMs),
      familyId,
      // RFC 6749 §6: a refreshed access token may have less scope, its refresh token keeps the whole.
      scope: presented?.scope ?? granted,
    })
  }

  async #saveAccessToken(
    accessToken: string,
    scope: readonly string[],
    isRefreshable: boolean,
  ): Promise<void> {
    const { tokens, lifetimes } = this.#means
    const familyId = isRefreshable ? this.#subject.familyId : null
    const row = this.#tokenRow(accessToken, lifetimes.accessTokenLifetimeMs)
    await tokens.insertAccessToken({ ...row, familyId, scope })
  }

  #tokenRow(token: string, lifetimeMs: number) {
    return {
      hash: hashCredential(token),
      lastFour: lastFour(token),
      clientId: this.#subject.client.id,
      issuedAt: this.#means.now,
      expiresAt: this.#means.now + lifetimeMs,
    }
  }

  #libraryClient(): OAuth2Server.Client {
    const { id, grantTypes } = this.#subject.client
    return { id, grants: [...grantTypes] }
  }
}
