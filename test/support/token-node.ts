import type { Clock } from '../../gateway/clock.ts'
import type { SharedStore } from '../../gateway/shared-store.ts'
import type { IdentityProvider } from '../../gateway/tokens/identity-provider.ts'
import { LookUpCaps } from '../../gateway/tokens/look-up-caps.ts'
import { ProviderBreaker } from '../../gateway/tokens/provider-breaker.ts'
import { RedisTokenCache } from '../../gateway/tokens/redis-token-cache.ts'
import { TokenHasher } from '../../gateway/tokens/token-hash.ts'
import { TokenMemory } from '../../gateway/tokens/token-memory.ts'
import { readIntrospectionAnswer, type TokenMetadata } from '../../gateway/tokens/token-metadata.ts'
import { TokenResolver } from '../../gateway/tokens/token-resolver.ts'
import { TokenRevocations } from '../../gateway/tokens/token-revocations.ts'

/** What one gateway process has of tokens: a resolver of one provider, and all that it remembers and hears. */
export interface TokenNode {
  readonly resolver: TokenResolver
  readonly revocations: TokenRevocations
  readonly memory: TokenMemory
  /** How tokens were resolved, in words of the metric. */
  readonly outcomes: string[]
  /** How many entries and messages were corrupt. */
  readonly corrupt: { count: number }
  /** What a request gets: the client's name, or the code of the refusal. */
  ask(token: string, address?: string): Promise<string>
}

export interface TokenNodeOptions {
  readonly provider: IdentityProvider
  readonly clock?: Clock
  readonly store?: SharedStore
  readonly isLocal?: boolean
  readonly ttlMs?: number
  readonly staleIfErrorMs?: number
  readonly negativeTtlMs?: number
  readonly blindTtlMs?: number
  readonly maxTokens?: number
  readonly perAddress?: number
  readonly total?: number
}

export function createTokenNode(options: TokenNodeOptions): TokenNode {
  const { provider, clock = Date.now, store, ttlMs = 60_000, staleIfErrorMs = 60_000 } = options
  const lifetimes = { ttlMs, staleIfErrorMs }
  const { maxTokens = 1_000, blindTtlMs = 30_000, perAddress = 1_000_000, total = 1_000_000 } = options
  const isLocal = options.isLocal ?? false
  const memory = new TokenMemory({ ...lifetimes, maxTokens, blindTtlMs, random: () => 0.5 })
  const outcomes: string[] = []
  const corrupt = { count: 0 }
  const countCorrupt = () => {
    corrupt.count += 1
  }
  const listener = {
    cacheHit: () => outcomes.push('cached'),
    resolved: (outcome: string) => outcomes.push(outcome),
    providerFailed: () => undefined,
    heeded: () => undefined,
    notRemembered: () => outcomes.push('not remembered'),
    corruptMessage: countCorrupt,
    corruptEntry: countCorrupt,
  }
  const cache = store && new RedisTokenCache(store, listener)
  const hasher = new TokenHasher({ name: 'test', id: provider.id })
  const second = { windowMs: 1_000 }
  const caps = new LookUpCaps({
    perAddress: { limit: perAddress, ...second },
    total: { limit: total, ...second },
  })
  const resolver = new TokenResolver(hasher, {
    ...{ provider, isLocal, scope: hasher.scope, memory, shared: cache, caps, clock, listener },
    ...{ breaker: new ProviderBreaker(), negativeTtlMs: options.negativeTtlMs ?? 5_000 },
  })
  const fleet = store && cache && { store, cache }
  const revocations = new TokenRevocations({
    ...{
      memory,
      providers: [{ name: 'test', hasher, provider, isLocal }],
      lifetimes,
      fleet,
      clock,
      listener,
    },
  })
  const ask = async (token: string, address = '192.0.2.1') => {
    try {
      return (await resolver.resolve(token, address)).client
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
  }
  return { resolver, revocations, memory, outcomes, corrupt, ask }
}

/** What a provider says of a token of this client. */
export function metadataOf(client: string, members: Readonly<Record<string, unknown>> = {}): TokenMetadata {
  const metadata = readIntrospectionAnswer({ active: true, client_id: client, roles: ['USER'], ...members })
  if (metadata === undefined) throw new Error('the answer is not active')
  return metadata
}

/** A provider whose every answer the test gives, in its own time. */
export class ScriptedProvider implements IdentityProvider {
  readonly id = 'scripted'
  readonly asked: {
    readonly token: string
    answer(metadata: TokenMetadata | undefined): void
    fail(error: Error): void
  }[] = []

  lookUp(token: string): Promise<TokenMetadata | undefined> {
    return new Promise((answer, fail) => {
      this.asked.push({ token, answer, fail })
    })
  }
}

/** A provider that knows some tokens, and can be told to fail. */
export class MapProvider implements IdentityProvider {
  readonly id = 'map'
  readonly tokens = new Map<string, TokenMetadata>()
  readonly asked: string[] = []
  failure: Error | undefined

  async lookUp(token: string): Promise<TokenMetadata | undefined> {
    this.asked.push(token)
    if (this.failure !== undefined) throw this.failure
    return this.tokens.get(token)
  }
}
