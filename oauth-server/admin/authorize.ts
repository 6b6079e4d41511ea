import type { FastifyRequest } from 'fastify'
import { isBearerToken } from '../../common/bearer-token.ts'
import type { Actor } from '../store/audit-repository.ts'
import { adminScope } from '../store/client.ts'
import type { InspectedToken } from '../tokens/token-inspector.ts'
import { AdminProblem } from './problems.ts'
import type { AdminServices } from './services.ts'

/** The scope that lets its holder look, and change nothing. */
const readScope = 'admin:read'

const realm = 'Bearer realm="passerelle admin"'

const cure = 'Send Authorization: Bearer with a token of this server that has the scope admin.'

/**
 * Lets through who holds an access token of this server with the scope `admin`, or to look with `admin:read`, and notes
 * who that is. It is asked for on every request: what is revoked opens nothing any more. A user's token opens only what
 * the user is entitled to as well, so that a client with the scope makes no administrator of everybody who signs in.
 */
export async function authorize(
  request: FastifyRequest,
  { inspector, issuer }: Pick<AdminServices, 'inspector' | 'issuer'>,
): Promise<void> {
  const token = readToken(request)
  // RFC 8707: what was issued for other resources is not for this one.
  const found = await inspector.inspect(token, { audiences: [issuer()] })
  if (found === undefined)
    throw new AdminProblem(
      'token-invalid',
      { detail: cure },
      { 'www-authenticate': `${realm}, error="invalid_token"` },
    )
  const accepted = request.method === 'GET' ? [adminScope, readScope] : [adminScope]
  if (!accepted.some((scope) => allows(found, scope)))
    throw new AdminProblem(
      'scope-insufficient',
      { detail: `This needs the scope ${accepted.join(' or ')}, and of a user the same entitlement.` },
      { 'www-authenticate': `${realm}, error="insufficient_scope", scope="${accepted.join(' ')}"` },
    )
  request.setDecorator<string>('actorId', found.userId ?? found.clientId)
}

/** Who makes an authorized request, for the audit trail. */
export function actorOf(request: FastifyRequest): Actor {
  return { id: request.getDecorator<string>('actorId'), address: request.ip }
}

function readToken(request: FastifyRequest): string {
  // Of two Authorization headers Node's plain `headers` would silently keep the first.
  const [header, ...more] = request.raw.headersDistinct.authorization ?? []
  const token = /^bearer +(\S+)$/i.exec(header ?? '')?.[1]
  if (token === undefined || more.length > 0)
    throw new AdminProblem('token-missing', { detail: cure }, { 'www-authenticate': realm })
  return isBearerToken(token) ? token : ''
}

function allows({ scope, userId, entitlements }: InspectedToken, wanted: string): boolean {
  return scope.includes(wanted) && (userId === null || entitlements.includes(wanted))
}
