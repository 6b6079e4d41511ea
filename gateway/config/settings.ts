import type { ListenAddress } from '../../common/listen-address.ts'
import type { Quota } from '../../common/quota.ts'

/** Which identity provider says what a token means, and as whom the gateway asks. */
export type IdentitySettings =
  | { readonly kind: 'verify'; readonly url: string; readonly credentials: ClientCredentials | undefined }
  | { readonly kind: 'introspect'; readonly url: string; readonly credentials: ClientCredentials }

export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

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
  /** Quota of a client for which the identity provider names none. */
  readonly limit: Quota | undefined
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

/** The gateway's configuration as the program uses it: every value parsed, every default in place. */
export interface GatewaySettings {
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly identity: IdentitySettings | undefined
  readonly headers: IdentityHeaderNames
  readonly timeouts: TimeoutSettings
  readonly tokenCache: { readonly ttlMs: number; readonly maxTokens: number }
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  readonly routes: readonly RouteSettings[]
}
