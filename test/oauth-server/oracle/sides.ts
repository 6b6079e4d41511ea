import type { ClientKey } from '../../support/assertions.ts'

/** The clients that both servers know, by the same ids and secrets. */
export type ClientName = 'service' | 'poster' | 'web' | 'other' | 'player' | 'keyed' | 'gateway'

export interface KnownClient {
  readonly id: string
  /** Empty where the client has none. */
  readonly secret: string
  readonly scopes: readonly string[]
  readonly grantTypes: readonly string[]
  readonly redirectUris: readonly string[]
  readonly authMethod: string
}

export type KnownClients = Readonly<Record<ClientName, KnownClient>>

/** One of the two servers. */
export interface Side {
  readonly name: string
  readonly url: string
  readonly clients: KnownClients
  /** The key of the client `keyed`. */
  readonly key: ClientKey
  /** Has a user sign in and consent, and gives what the redirect to the client carries. */
  authorize(query: URLSearchParams): Promise<URLSearchParams>
}

export const films = 'https://films.example/'
export const series = 'https://series.example/'
