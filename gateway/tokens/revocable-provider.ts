import type { IdentityProvider } from './identity-provider.ts'
import { endOf } from './token-end.ts'
import type { TokenHasher } from './token-hash.ts'
import type { TokenMemory } from './token-memory.ts'

/** An identity provider, as far as revocations concern it. */
export interface RevocableProvider {
  readonly name: string
  readonly hasher: TokenHasher
  readonly provider: IdentityProvider
  /** Whether it knows of no revocation, because it is the token's signature that is checked. */
  readonly isLocal: boolean
}

interface AskedEnd {
  readonly token: string
  readonly memory: TokenMemory
  /** While there are no keys to verify the token by, what it says of its end is believed until then. */
  readonly latestMs: number
}

/** Until when a token would pass at a provider that checks it here, in milliseconds since the epoch; 0 where it would not. */
export async function endAt(
  { hasher, provider }: RevocableProvider,
  { token, memory, latestMs }: AskedEnd,
): Promise<number> {
  const known = memory.cache.get(hasher.keyOf(token))
  if (known !== undefined) return known.metadata.expiresAtMs
  try {
    return (await provider.lookUp(token))?.expiresAtMs ?? 0
  } catch {
    return Math.min(endOf(token), latestMs)
  }
}
