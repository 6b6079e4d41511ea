import type { ListenAddress } from '../../common/listen-address.ts'
import type { Quota } from '../../common/quota.ts'
import type { RedisLocation } from '../../common/store-url.ts'
import type { LimitRule } from '../limit-policy.ts'

/** Which identity provider says what a token means, and as whom the gateway asks. */
export type IdentitySettings = IdentityProtocol & {
  /** The name under which routes choose it; `defaultProvider` for the one of the option `identity`. */
  readonly name: string
  /** Path on this gateway of its token endpoint. */
  readonly tokenEndpoint: string | undefined
  /** Path on this gateway of its revocation endpoint. */
  readonly revocationEndpoint: string | undefined
}

export type IdentityProtocol =
  | { readonly kind: 'verify'; readonly url: string; readonly credentials: ClientCredentials | undefined }
  | { readonly kind: 'introspect'; readonly url: string; readonly credentials: ClientCredentials }
  | JwtSettings

export interface JwtSettings {
  readonly kind: 'jwt'
  readonly issuer: string
  readonly audience: string
  /** URL of the key set; `undefined` to find it by the issuer's metadata. */
  readonly jwks: string | undefined
  readonly algorithms: readonly string[]
  readonly clockToleranceMs: number
  readonly keysMaxAgeMs: number
  readonly keysMaxStaleMs: number
}

/** The name of the provider that routes use when they choose none. No configured name can hold a space. */
export const defaultProvider = 'the default'

/** No route is below it: there the gateway answers itself. */
export const ownPrefix = '/.passerelle'

export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** A limit of a route. */
export interface RouteLimit {
  readonly rule: LimitRule
  readonly by: 'client' | 'user' | 'address'
  /** Whether it stands in for the client's own quota, instead of being counted beside it. */
  readonly isStandIn: boolean
  /** Whether it refuses nobody. */
  readonly isShadow: boolean
}

/** What happens to a request that cannot be counted: 503, a bounded local share, or service without counting. */
export type FailurePolicy = 'strict' | 'insured' | 'open'

/** One API behind the gateway, as configured. */
export interface RouteSettings {
  /** The path at which the API begins, such as `/api1`; `/` for everything. */
  readonly prefix: string
  readonly to: string
  readonly auth: 'token' | 'none'
  /** The client must have one of these; empty for any client. */
  readonly roles: readonly string[]
  /** The token must have all of these. */
  readonly scopes: readonly string[]
  readonly queryToken: boolean
  /** Name of the identity provider. */
  readonly identity: string
  readonly limits: readonly RouteLimit[]
  /** How many requests one request counts as; at least 1. */
  readonly cost: number
  readonly whenStoreFails: FailurePolicy
  readonly stripPrefix: boolean
  readonly passAuthorization: boolean
}

/** Names of the headers in which a backend learns who calls. */
export interface IdentityHeaderNames {
  readonly roles: string
  readonly client: string
  readonly scope: string
}

export interface TimeoutSettings {
  readonly identityMs: number
  readonly connectMs: number
  readonly headMs: number
  readonly idleMs: number
  readonly requestMs: number
  readonly keepAliveMs: number
  readonly shutdownMs: number
}

/** Where quotas and tokens are kept. */
export type StoreSettings = { readonly kind: 'memory' } | RedisSettings

export interface RedisSettings extends RedisLocation {
  /** What every key and channel begins with. */
  readonly prefix: string
  /** File with the certificates of a private authority. */
  readonly ca: string | undefined
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

export interface TokenCacheSettings {
  readonly ttlMs: number
  readonly negativeTtlMs: number
  readonly staleIfErrorMs: number
  readonly maxTokens: number
}

export interface RevocationSettings {
  readonly secret: string | undefined
  readonly transmitters: readonly EventTransmitter[]
  readonly blindTtlMs: number
}

/** Who may push Security Event Tokens. */
export interface EventTransmitter {
  readonly issuer: string
  readonly audience: string
  readonly jwks: string
}

/** The gateway's configuration as the program uses it: every value parsed, every default in place. */
export interface GatewaySettings {
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly store: StoreSettings
  readonly trustedProxies: readonly string[]
  /** Empty where every route is open. */
  readonly identities: readonly IdentitySettings[]
  readonly headers: IdentityHeaderNames
  readonly timeouts: TimeoutSettings
  /** Which header fields tell clients what is left of their quota. */
  readonly rateLimitFields: 'both' | 'x-rate-limit' | 'ratelimit'
  readonly tokenCache: TokenCacheSettings
  readonly tokenLookUps: { readonly perAddress: Quota; readonly total: Quota }
  readonly revocation: RevocationSettings
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  readonly routes: readonly RouteSettings[]
}
