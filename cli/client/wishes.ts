import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { ClientWishes } from '../../oauth-server/admin/client-json.ts'
import { authMethods, type GrantType, grantTypes, tokenFormats } from '../../oauth-server/store/client.ts'
import { splitCommas } from '../administer.ts'
import { readRateLimit, readSeconds } from '../quota-options.ts'

/** What the options of `client create` and `client change` say of a client. */
export interface WishOptions {
  readonly name?: string
  readonly roles?: string
  readonly scopes?: string
  readonly rateLimit?: string
  readonly window?: string
  readonly plan?: string
  readonly grantTypes?: string
  readonly authMethod?: ClientWishes['auth_method']
  readonly jwks?: string
  readonly redirectUris?: string
  readonly audiences?: string
  readonly tokenFormat?: ClientWishes['token_format']
  readonly accessTokenLifetime?: string
  readonly refreshTokenLifetime?: string
  readonly skipsConsent?: 'yes' | 'no'
  readonly allowsGetToken?: 'yes' | 'no'
  readonly createRoles?: boolean
}

/** The options for every member of a client but its name. */
export function withWishOptions(command: Command): Command {
  const choice = (flags: string, description: string, choices: readonly string[]) =>
    new Option(flags, description).choices(choices)
  return command
    .option('--roles <roles>', 'roles that backends see, separated by commas')
    .option('--scopes <scopes>', 'scopes that its tokens may have, separated by commas (new: user)')
    .option('--rate-limit <requests>', 'requests that it may make in a window (new: 1000)')
    .option('--window <duration>', 'length of the window, such as 1m, 1h or 1d (new: 1h)')
    .option('--plan <id>', 'the plan whose quota and roles it has, or none')
    .option(
      '--grant-types <types>',
      `${grantTypes.join(', ')}, separated by commas (new: client_credentials)`,
    )
    .addOption(choice('--auth-method <method>', 'how it authenticates (new: client_secret)', authMethods))
    .option('--jwks <file>', 'its public keys, a JWK Set as JSON, or none')
    .option('--redirect-uris <uris>', 'where its users may be sent back to, separated by commas')
    .option('--audiences <uris>', 'resources that its tokens may be for, separated by commas')
    .addOption(
      choice('--token-format <format>', 'what its access tokens look like (new: opaque)', tokenFormats),
    )
    .option('--access-token-lifetime <duration>', 'such as 15m, or none for the server’s own')
    .option('--refresh-token-lifetime <duration>', 'such as 30d, or none for the server’s own')
    .addOption(
      choice('--skips-consent <answer>', 'whether its users are not asked for consent', ['yes', 'no']),
    )
    .addOption(choice('--allows-get-token <answer>', 'whether it may ask for tokens by GET', ['yes', 'no']))
    .option('--create-roles', 'make roles that are not known yet')
}

/** What was asked for, as a merge patch: what no option names is not in it. */
export function toWishes(options: WishOptions): Partial<ClientWishes> {
  const { name, roles, scopes, rateLimit, window, plan, jwks, authMethod, tokenFormat } = options
  const { accessTokenLifetime, refreshTokenLifetime, skipsConsent, allowsGetToken } = options
  return withoutUndefined({
    name,
    roles: roles === undefined ? undefined : splitCommas(roles),
    scopes: scopes === undefined ? undefined : splitCommas(scopes),
    rate_limit: rateLimit === undefined ? undefined : readRateLimit(rateLimit, "the client's"),
    rate_limit_window: window === undefined ? undefined : readSeconds(window, "the client's window"),
    plan: orNone(plan, (id) => id),
    grant_types:
      options.grantTypes === undefined ? undefined : splitCommas(options.grantTypes).map(readGrantType),
    auth_method: authMethod,
    jwks: orNone(jwks, readJson),
    redirect_uris: options.redirectUris === undefined ? undefined : splitCommas(options.redirectUris),
    audiences: options.audiences === undefined ? undefined : splitCommas(options.audiences),
    token_format: tokenFormat,
    access_token_lifetime: orNone(accessTokenLifetime, (text) =>
      readSeconds(text, 'the access token lifetime'),
    ),
    refresh_token_lifetime: orNone(refreshTokenLifetime, (text) =>
      readSeconds(text, 'the refresh token lifetime'),
    ),
    skips_consent: skipsConsent === undefined ? undefined : skipsConsent === 'yes',
    allows_get_token: allowsGetToken === undefined ? undefined : allowsGetToken === 'yes',
  })
}

type Defined<T> = { [Member in keyof T]?: Exclude<T[Member], undefined> }

function withoutUndefined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>
}

function orNone<T>(text: string | undefined, read: (text: string) => T): T | null | undefined {
  if (text === undefined) return undefined
  return text === 'none' ? null : read(text)
}

function readGrantType(text: string): GrantType {
  const found = grantTypes.find((type) => type === text)
  if (found === undefined)
    throw new Error(`the grant type ${JSON.stringify(text)} must be one of ${grantTypes.join(', ')}`)
  return found
}

function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value === 'object' && value !== null) return value
  } catch (error) {
    throw new Error(`the keys in ${file} cannot be read: ${(error as Error).message}`)
  }
  throw new Error(`the keys in ${file} must be a JWK Set`)
}
