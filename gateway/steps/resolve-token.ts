import type { Exchange } from '../exchange.ts'
import type { TokenMetadata } from '../tokens/token-metadata.ts'
import type { TokenResolver } from '../tokens/token-resolver.ts'
import type { BearerToken } from './read-bearer-token.ts'

/** Finds out what the token means: at once from the cache, or by asking the route's identity provider. */
export function resolveToken(
  tokens: TokenResolver,
  exchange: Exchange,
  bearer: BearerToken,
): TokenMetadata | Promise<TokenMetadata> {
  return tokens.resolve(bearer.token, exchange.clientAddress)
}
