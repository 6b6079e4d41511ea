import type { BackendHeaders } from '../backends/backend-request.ts'
import type { IdentityHeaderNames } from '../config/settings.ts'
import type { Exchange } from '../exchange.ts'
import type { RouteMatch } from './match-route.ts'
import type { EntryHeaders } from './strip-identity-headers.ts'
import type { AdmittedCaller } from './throttle-caller.ts'
import type { AdmittedOpenAccess } from './throttle-open-access.ts'

/** What the gateway knows of a request before it knows who calls. */
interface Arrival {
  readonly exchange: Exchange
  readonly entry: EntryHeaders
  readonly match: RouteMatch
}

/**
 * Writes what only the gateway may say, after everything that the client sent: who calls, as roles and never as a user,
 * and where the request came from.
 */
export function injectIdentityHeaders(
  { exchange, entry, match }: Arrival,
  access: AdmittedCaller | AdmittedOpenAccess,
  names: IdentityHeaderNames,
): BackendHeaders {
  const fields = entry.fields.slice()
  if (access.caller !== undefined) {
    const { metadata } = access.caller
    fields.push(
      names.roles,
      metadata.rolesField,
      names.client,
      metadata.client,
      names.scope,
      metadata.scopeField,
    )
  }
  fields.push('X-Request-Id', exchange.requestId, 'X-Forwarded-For', exchange.clientAddress)
  fields.push('X-Forwarded-Proto', exchange.scheme)
  if (entry.host !== undefined) fields.push('X-Forwarded-Host', entry.host)
  if (match.route.passAuthorization && entry.authorization !== undefined) {
    fields.push('Authorization', entry.authorization)
  }
  return { fields, isBackendHeaders: true }
}
