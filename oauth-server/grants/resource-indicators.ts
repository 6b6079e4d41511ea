import { isResourceUri } from '../clients/uris.ts'
import { RequestRefused, refusals } from '../errors.ts'
import type { Client, TokenFormat } from '../store/client.ts'
import type { Resource, ResourceRepository } from '../store/resource-repository.ts'

/** For what a client asks for a token, or a user's consent (RFC 8707 §2). */
export interface ResourceRequest {
  readonly client: Client
  /** The values of the parameter `resource`; none where it is left out. */
  readonly asked: readonly string[]
  /** What an earlier grant allows: less may be asked for, never more. None means all that the client may. */
  readonly granted?: readonly string[]
}

/** What tokens are for, and what follows from it. */
export interface TokenTarget {
  /** The resources; none means any. */
  readonly audience: readonly string[]
  readonly format: TokenFormat
  /** The shortest of what the resources and the client say; `undefined` where none of them says anything. */
  readonly accessTokenLifetimeMs: number | undefined
}

/**
 * Decides for which resources a token is. What is asked for must be among the client's audiences, known, and within what
 * was granted; where nothing is asked for it is all of that (RFC 8707 §2.2). Throws {@link RequestRefused}.
 */
export async function chooseTarget(
  request: ResourceRequest,
  resources: ResourceRepository,
): Promise<TokenTarget> {
  const audience = chooseAudience(request)
  const known = await resources.find(audience)
  if (known.length < audience.length) throw new RequestRefused(refusals.invalidTarget)
  return { audience, format: formatOf(request.client, known), ...lifetimeOf(request.client, known) }
}

function chooseAudience({ client, asked, granted = [] }: ResourceRequest): readonly string[] {
  const allowed =
    granted.length === 0 ? client.audiences : client.audiences.filter((uri) => granted.includes(uri))
  // A grant for resources that the client has lost since must not become one for any resource.
  if (granted.length > 0 && allowed.length === 0) throw new RequestRefused(refusals.invalidTarget)
  if (!asked.every((uri) => isResourceUri(uri) && allowed.includes(uri)))
    throw new RequestRefused(refusals.invalidTarget)
  return asked.length === 0 ? allowed : [...new Set(asked)]
}

/** Where one of the resources reads JWTs only, all of them must. */
function formatOf(client: Client, resources: readonly Resource[]): TokenFormat {
  const isJwt = client.tokenFormat === 'jwt' || resources.some(({ tokenFormat }) => tokenFormat === 'jwt')
  return isJwt ? 'jwt' : 'opaque'
}

function lifetimeOf(
  client: Client,
  resources: readonly Resource[],
): Pick<TokenTarget, 'accessTokenLifetimeMs'> {
  const stated = [client, ...resources].flatMap(({ accessTokenLifetimeMs }) => accessTokenLifetimeMs ?? [])
  return { accessTokenLifetimeMs: stated.length === 0 ? undefined : Math.min(...stated) }
}
