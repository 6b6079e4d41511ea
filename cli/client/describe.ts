import { formatDuration } from '../../common/duration.ts'
import { formatQuota } from '../../common/quota.ts'
import { toClientJson } from '../../oauth-server/admin/client-json.ts'
import type { Client } from '../../oauth-server/store/client.ts'
import { toLines } from '../administer.ts'
import { printJson, type StoreOptions } from '../store-options.ts'

export const secretWarning = 'Keep the secret now: it is shown this once and cannot be read again.'

/** Prints one client, for people or as JSON. */
export function printClient(client: Client, { json }: StoreOptions): void {
  if (json) printJson(toClientJson(client))
  else console.log(describeClient(client))
}

/** A client for people: what differs from the ordinary is told, the rest goes without saying. */
export function describeClient(client: Client): string {
  const lifetime = (lifetimeMs: number | null) =>
    lifetimeMs === null ? undefined : formatDuration(lifetimeMs)
  const list = (items: readonly string[]) => (items.length === 0 ? undefined : items.join(', '))
  return toLines({
    id: client.id,
    name: client.name,
    roles: client.roles.join(', '),
    scopes: client.scopes.join(', '),
    quota: formatQuota(client.quota),
    plan: client.planId === null ? undefined : `${client.planId}: ${describeGranted(client)}`,
    grants: client.grantTypes.join(', '),
    auth: client.authMethod === 'client_secret' ? undefined : client.authMethod,
    redirects: list(client.redirectUris),
    audiences: list(client.audiences),
    tokens: client.tokenFormat === 'opaque' ? undefined : client.tokenFormat,
    'access for': lifetime(client.accessTokenLifetimeMs),
    'refresh for': lifetime(client.refreshTokenLifetimeMs),
    consent: client.skipsConsent ? 'not asked for' : undefined,
    'GET tokens': client.allowsGetToken ? 'allowed' : undefined,
    created: new Date(client.createdAt).toISOString(),
    disabled: client.disabledAt === null ? undefined : new Date(client.disabledAt).toISOString(),
  })
}

function describeGranted({ granted }: Client): string {
  return `${formatQuota(granted.quota)}, roles ${granted.roles.join(', ') || 'none'}`
}

/** One line of a list. */
export function summarizeClient(client: Client): string {
  return [client.id, client.name, client.roles.join(','), formatQuota(client.granted.quota)].join('\t')
}
