import type { Quota } from '../../common/quota.ts'

/** The grants that a client can be allowed, as RFC 6749 names them. */
export const grantTypes = ['client_credentials', 'refresh_token', 'authorization_code'] as const

export type GrantType = (typeof grantTypes)[number]

/**
 * How a client authenticates, as RFC 7591 §2 names it; `client_secret` stands for either way of sending the secret. A
 * client with `none` is a public one: it has no secret, and proves itself by PKCE.
 */
export const authMethods = [
  'client_secret',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const

export type AuthMethod = (typeof authMethods)[number]

/** What an access token looks like: a random text that only this server can read, or a JWT after RFC 9068. */
export const tokenFormats = ['opaque', 'jwt'] as const

export type TokenFormat = (typeof tokenFormats)[number]

/** What is written down of an application that may have tokens. Times are milliseconds since the epoch. */
export interface ClientDetails {
  readonly id: string
  readonly name: string
  /** Its own roles, sorted, each once. */
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** Its own quota; that of a plan goes before it. */
  readonly quota: Quota
  readonly planId: string | null
  readonly grantTypes: readonly GrantType[]
  readonly authMethod: AuthMethod
  /** Its public keys, a JWK Set as JSON; for `private_key_jwt`. */
  readonly jwks: string | null
  readonly redirectUris: readonly string[]
  /** The resources (RFC 8707) that its tokens may be for. */
  readonly audiences: readonly string[]
  readonly tokenFormat: TokenFormat
  /** Milliseconds; `null` where the server's own lifetime holds. */
  readonly accessTokenLifetimeMs: number | null
  readonly refreshTokenLifetimeMs: number | null
  /** Whether its users are not asked for their consent: an application of the house itself. */
  readonly skipsConsent: boolean
  /** Whether it may ask for tokens by GET with its credentials in the query, where the server allows that at all. */
  readonly allowsGetToken: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** Since when it may not have tokens nor use those it has. */
  readonly disabledAt: number | null
}

/** A client, and what its tokens carry at the moment: the plan's quota, and the roles of both. */
export interface Client extends ClientDetails {
  readonly granted: Entitlement
}

/** What a token says of its client. */
export interface Entitlement {
  /** Sorted, each once. */
  readonly roles: readonly string[]
  readonly quota: Quota
}

/** The scope whose holders may administer. */
export const adminScope = 'admin'

/** Whether a client, while it is not disabled, can administer by itself. */
export function isAdministrator({ scopes, grantTypes }: ClientDetails): boolean {
  return scopes.includes(adminScope) && grantTypes.includes('client_credentials')
}
