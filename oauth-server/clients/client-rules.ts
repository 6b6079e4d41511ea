import { formatQuota, isQuota, quotaRule } from '../../common/quota.ts'
import { isRole, roleRule } from '../../common/role.ts'
import { isScopeToken, scopeTokenRule } from '../../common/scope-token.ts'
import { type BrokenRule, RuleBroken } from '../refused-changes.ts'
import type { ClientDetails } from '../store/client.ts'
import { isPublicJwks, publicJwksRule } from './public-jwks.ts'
import { isRedirectUri, isResourceUri, redirectUriRule, resourceUriRule } from './uris.ts'

/** Something about a client breaks a rule. */
export class ClientRuleBroken extends RuleBroken {
  /** `member` is the one of {@link ClientDetails} that is at fault, `what` how people call it. */
  constructor(member: keyof ClientDetails, what: string, broken: BrokenRule) {
    super(member, `the client's ${what}`, broken)
    this.name = 'ClientRuleBroken'
  }
}

const maxListLength = 50
const minLifetimeMs = 1_000
const maxLifetimeMs = 366 * 86_400_000

/** What people may call a client or a resource, for error texts and documents. */
export const nameRule = 'must be 1 to 100 printable characters'

export function isName(text: string): boolean {
  return /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(text) && text.trim() !== ''
}

/** How long tokens may live, for error texts and documents. */
export const lifetimeRule = 'must be from 1s to 366d'

export function isLifetime(milliseconds: number): boolean {
  return milliseconds >= minLifetimeMs && milliseconds <= maxLifetimeMs
}

/** Holds a client against every rule. Throws {@link ClientRuleBroken} for the first that is broken. */
export function checkClient(client: ClientDetails): void {
  if (!isName(client.name)) refuse('name', client.name, nameRule)
  for (const list of lists) checkList(client, list)
  if (client.scopes.length === 0)
    throw new ClientRuleBroken('scopes', 'scopes', { value: '', rule: 'must be at least one' })
  checkQuota(client)
  checkLifetimes(client)
  checkAuthentication(client)
  checkGrants(client)
}

function refuse(member: 'name' | 'jwks', value: string, rule: string): never {
  throw new ClientRuleBroken(member, member, { value, rule })
}

/** A list of a client: what one item is called, whether a text is one, and the rule for an error text. */
interface ListRule {
  readonly member: 'roles' | 'scopes' | 'redirectUris' | 'audiences'
  readonly item: string
  readonly accepts: (text: string) => boolean
  readonly rule: string
}

const lists: readonly ListRule[] = [
  { member: 'roles', item: 'role', accepts: isRole, rule: roleRule },
  { member: 'scopes', item: 'scope', accepts: isScopeToken, rule: scopeTokenRule },
  { member: 'redirectUris', item: 'redirect URI', accepts: isRedirectUri, rule: redirectUriRule },
  { member: 'audiences', item: 'audience', accepts: isResourceUri, rule: resourceUriRule },
]

function checkList(client: ClientDetails, { member, item, accepts, rule }: ListRule): void {
  const items = client[member]
  if (items.length > maxListLength)
    throw new ClientRuleBroken(member, `${item}s`, {
      value: `${items.length} of them`,
      rule: `must be at most ${maxListLength}`,
    })
  const wrong = items.find((text) => !accepts(text))
  if (wrong !== undefined) throw new ClientRuleBroken(member, item, { value: wrong, rule })
}

function checkQuota({ quota }: ClientDetails): void {
  // The wire gives the window in seconds.
  if (!isQuota(quota.limit, quota.windowMs) || quota.windowMs % 1_000 !== 0)
    throw new ClientRuleBroken('quota', 'quota', {
      value: formatQuota(quota),
      rule: `${quotaRule}, in whole seconds`,
    })
}

function checkLifetimes(client: ClientDetails): void {
  for (const [member, what] of [
    ['accessTokenLifetimeMs', 'access token lifetime'],
    ['refreshTokenLifetimeMs', 'refresh token lifetime'],
  ] as const) {
    const lifetimeMs = client[member]
    if (lifetimeMs === null || isLifetime(lifetimeMs)) continue
    throw new ClientRuleBroken(member, what, { value: `${lifetimeMs}ms`, rule: lifetimeRule })
  }
}

function checkAuthentication({ authMethod, jwks, grantTypes }: ClientDetails): void {
  const value = authMethod
  if (authMethod === 'private_key_jwt' && jwks === null)
    throw new ClientRuleBroken('authMethod', 'authentication method', {
      value,
      rule: 'needs its public keys as a JWK Set',
    })
  // Not shown: what is refused may well be a private key.
  if (jwks !== null && !isPublicJwks(jwks)) refuse('jwks', `of ${jwks.length} characters`, publicJwksRule)
  if (authMethod === 'none' && grantTypes.includes('client_credentials'))
    throw new ClientRuleBroken('authMethod', 'authentication method', {
      value,
      rule: 'does not go with the grant client_credentials: a client that proves nothing must have a user (RFC 6749 §4.4)',
    })
}

function checkGrants({ grantTypes, redirectUris }: ClientDetails): void {
  const value = grantTypes.join(' ')
  const broken = (rule: string) => new ClientRuleBroken('grantTypes', 'grant types', { value, rule })
  if (!grantTypes.some((grant) => grant !== 'refresh_token'))
    throw broken('must have client_credentials or authorization_code among them')
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0)
    throw broken('need at least one redirect URI: authorization_code sends its users back there')
}
