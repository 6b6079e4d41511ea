import type { Route } from '../backends/route-table.ts'
import type { Charge } from '../charge.ts'
import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { TokenMetadata } from '../tokens/token-metadata.ts'

/** A client that this route accepts: only {@link checkAccess} makes one. */
export interface Caller {
  readonly metadata: TokenMetadata
  /** What its request counts as, and against which policies; `undefined` when nothing counts it. */
  readonly charge: Charge | undefined
}

/** What a token is held against: the route's rules and, for what a refusal says of the quota, the throttle. */
interface AccessRules {
  readonly route: Route
  readonly exchange: Exchange
  readonly throttle: Throttle
}

/**
 * Holds the token's roles and scopes against the route's rules. Done on every request, cached token or not: what one
 * route accepts says nothing about the next (CVE-2021-32701). A refusal is not counted, but tells what is left.
 */
export function checkAccess({ route, exchange, throttle }: AccessRules, metadata: TokenMetadata): Caller {
  const charge = route.charges.of(metadata, exchange.clientAddress)
  if (route.roles.length > 0 && !hasAny(metadata.roles, route.roles)) {
    const headers = quotaFields(throttle, charge)
    throw new GatewayError('role-missing', { headers, members: { roles: route.roles } })
  }
  if (!hasAll(metadata.scopes, route.scopes)) {
    const scope = route.scopes.join(' ')
    const challenge = `Bearer realm="passerelle", error="insufficient_scope", scope="${scope}"`
    const headers = ['WWW-Authenticate', challenge, ...quotaFields(throttle, charge)]
    throw new GatewayError('scope-missing', { headers, members: { scope } })
  }
  return { metadata, charge }
}

function hasAny(held: readonly string[], wanted: readonly string[]): boolean {
  for (const role of wanted) if (held.includes(role)) return true
  return false
}

function hasAll(held: readonly string[], wanted: readonly string[]): boolean {
  for (const scope of wanted) if (!held.includes(scope)) return false
  return true
}

function quotaFields(throttle: Throttle, charge: Charge | undefined): readonly string[] {
  return charge === undefined ? [] : throttle.fieldsWithoutCounting(charge)
}
