import { isBearerToken } from '../../common/bearer-token.ts'
import type { RequestTarget } from '../backends/request-target.ts'
import { GatewayError } from '../errors.ts'
import type { EntryHeaders } from './strip-identity-headers.ts'

/** A well-formed access token, as the client presented it, and the target's query without it. */
export interface BearerToken {
  readonly token: string
  readonly search: string
  /** Whether the token came in the URL, where whatever handles URLs can see it. */
  readonly isFromUrl: boolean
}

/** A request that needs no token, because its route is open; its target has none either. */
export interface OpenAccess {
  readonly token: undefined
  readonly search: string
  readonly isFromUrl: false
}

/** What a route says of tokens, and the target that was matched. */
interface TokenRules<Auth> {
  readonly route: { readonly auth: Auth; readonly queryToken: boolean }
  readonly target: RequestTarget
}

const challenge = 'Bearer realm="passerelle"'

/**
 * Takes the access token from the Authorization header or, where the route allows it, from the URL. Whether it is used
 * or not, an `access_token` in the URL goes no further. More than one token is refused (RFC 6750 §2).
 */
export function readBearerToken(match: TokenRules<'token'>, entry: EntryHeaders): BearerToken
export function readBearerToken(
  match: TokenRules<'token' | 'none'>,
  entry: EntryHeaders,
): BearerToken | OpenAccess
export function readBearerToken(
  { route, target }: TokenRules<'token' | 'none'>,
  entry: EntryHeaders,
): BearerToken | OpenAccess {
  const inQuery = takeFromQuery(target)
  if (route.auth === 'none') return { token: undefined, search: inQuery.search, isFromUrl: false }
  const fromHeader = bearerOf(entry.authorization)
  if (inQuery.tokens.length + (fromHeader === undefined ? 0 : 1) > 1) throw invalidRequest('token-repeated')
  if (inQuery.tokens.length > 0 && !route.queryToken) throw invalidRequest('query-token-refused')
  const token = fromHeader ?? inQuery.tokens[0]
  if (token === undefined)
    throw new GatewayError('token-missing', { headers: ['WWW-Authenticate', challenge] })
  if (!isBearerToken(token)) throw invalidRequest('token-malformed')
  return { token, search: inQuery.search, isFromUrl: fromHeader === undefined }
}

/** What follows the Bearer scheme, whose case does not matter (RFC 9110 §11.1); `undefined` for another scheme. */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.slice(0, 6).toLowerCase() !== 'bearer') return undefined
  if (authorization.length === 6) return ''
  return authorization.charCodeAt(6) === space ? authorization.slice(7).trimStart() : undefined
}

const space = 0x20

interface QueryTokens {
  readonly search: string
  readonly tokens: readonly string[]
}

/** Names that hold a percent sign may spell access_token too; only then is every name decoded. */
function takeFromQuery({ search }: RequestTarget): QueryTokens {
  if (!search.includes('access_token') && !search.includes('%')) return { search, tokens: [] }
  const kept: string[] = []
  const tokens: string[] = []
  for (const parameter of search.slice(1).split('&')) {
    const equals = parameter.indexOf('=')
    const name = equals === -1 ? parameter : parameter.slice(0, equals)
    if (decode(name) !== 'access_token') kept.push(parameter)
    else tokens.push(equals === -1 ? '' : (decode(parameter.slice(equals + 1)) ?? ''))
  }
  if (tokens.length === 0) return { search, tokens }
  return { search: kept.length === 0 ? '' : `?${kept.join('&')}`, tokens }
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function invalidRequest(code: 'token-repeated' | 'query-token-refused' | 'token-malformed'): GatewayError {
  return new GatewayError(code, { headers: ['WWW-Authenticate', `${challenge}, error="invalid_request"`] })
}
