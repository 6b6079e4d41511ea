import { RequestRefused, refusals } from '../errors.ts'
import { authenticateResourceServer, type Endpoint, readQuery, requireParameter } from './exchange.ts'

/**
 * `GET /oauth/verifToken?access_token=…`: what an access token stands for, in the shape that the platform's gateway has
 * always asked for. The caller authenticates by HTTP Basic only. A bad token is a 401 with a Bearer challenge, a bad
 * caller a 401 with a Basic one.
 */
export const verifToken: Endpoint = async (request, services) => {
  const asker = await authenticateResourceServer(request, new Map(), services)
  const found = await services.inspector.inspect(requireParameter(readQuery(request), 'access_token'), asker)
  if (found === undefined) throw new RequestRefused(refusals.invalidToken)
  return {
    client: found.clientId,
    rateLimit: found.granted.quota.limit,
    rateLimitWindow: found.granted.quota.windowMs / 1_000,
    // Rounded down: a gateway that keeps the answer this long never outlives the token.
    expires: Math.floor(found.remainingMs / 1_000),
    roles: found.granted.roles.join(','),
    scope: found.scope.join(' '),
    ...(found.userId === null ? {} : { user: found.userId, entitlements: found.entitlements.join(' ') }),
  }
}
