import { Agent } from 'undici'
import { ClientAddresses } from '../common/client-address.ts'
import type { Logger } from '../common/log.ts'
import { EventVerifier } from './admin/event-verifier.ts'
import type { EventEndpointContext } from './admin/events.ts'
import { knownIssuers } from './admin/known-issuers.ts'
import type { RevocationEndpointContext } from './admin/revocations.ts'
import { transmitterKeys } from './admin/transmitter-keys.ts'
import { Backend } from './backends/backend.ts'
import { EntryHeaderRules } from './backends/header-rules.ts'
import { RouteTable } from './backends/route-table.ts'
import { watchEndpoints } from './backends/watched-endpoints.ts'
import type { Clock } from './clock.ts'
import {
  defaultProvider,
  type GatewaySettings,
  type StoreSettings,
  type TimeoutSettings,
} from './config/settings.ts'
import type { Exchange } from './exchange.ts'
import type { Gateway } from './handle-request.ts'
import { logAccess } from './observe/access-log.ts'
import { Metrics } from './observe/metrics.ts'
import { RevocationLog } from './observe/revocation-log.ts'
import { RevocationIntake } from './revocation-intake.ts'
import { openStore } from './store/open-store.ts'
import type { RedisStore } from './store/redis-store.ts'
import { createLedger } from './throttle/create-ledger.ts'
import { RateLimitFields } from './throttle/rate-limit-fields.ts'
import { Throttle } from './throttle/throttle.ts'
import type { RefusalListener } from './tokens/identity-provider.ts'
import type { KeySetListener } from './tokens/key-set.ts'
import { TokenServices } from './tokens/token-services.ts'

/** Most connections to the identity provider: what the look-ups under way at once can use. */
const maxProviderConnections = 64

/** Everything that the gateway holds while it runs. */
export interface Services {
  readonly gateway: Gateway
  readonly addresses: ClientAddresses
  readonly metrics: Metrics
  readonly revocations: RevocationEndpointContext
  readonly events: EventEndpointContext
  readonly onDone: (exchange: Exchange) => void
  close(): Promise<void>
}

/** Opens every connection, and builds what the request path works with. */
export async function buildServices(settings: GatewaySettings, log: Logger, clock: Clock): Promise<Services> {
  const metrics: Metrics = new Metrics(() => tokens.cachedTokens)
  const store = await openSharedStore(settings.store, metrics, log)
  const ledger = await createLedger(store, clock, {
    notCounted: (outcome) => metrics.countUncounted(outcome),
  })
  const backends = new Map<string, Backend>()
  const dispatcher = new Agent({ connections: maxProviderConnections })
  const tokens: TokenServices = createTokenServices(settings, { store, dispatcher, clock, metrics, log })
  const revocationLog = new RevocationLog(log, metrics.revocations)
  const intake = new RevocationIntake(tokens.revocations, revocationLog.revocation)
  const watches = watchEndpoints(settings.identities, {
    prefetcherOf: (provider) => tokens.resolverOf(provider),
    intake,
    onUnread: revocationLog.unread,
  })
  // A token that is checked here holds its claims itself: to ask again would change nothing.
  const whenChanged = settings.identities.some(({ kind }) => kind === 'jwt') ? 'revoke' : 'refresh'
  const keysOf = transmitterKeys({
    connection: { dispatcher, timeoutMs: settings.timeouts.identityMs },
    clock,
    onKeysFailed: revocationLog.keysFailed,
  })
  return {
    gateway: {
      headerRules: new EntryHeaderRules(settings.headers),
      headerNames: settings.headers,
      routes: new RouteTable(settings.routes, {
        backendOf: (url) => openBackend(backends, url, settings.timeouts),
        tokensOf: (identity) => tokens.resolverOf(identity),
        watches,
      }),
      tokens: tokens.resolverOf(defaultProvider),
      throttle: new Throttle(ledger, new RateLimitFields(settings.rateLimitFields, clock)),
    },
    addresses: new ClientAddresses(settings.trustedProxies),
    metrics,
    revocations: {
      secret: settings.revocation.secret,
      intake,
      whenChanged,
      clock,
      onRefused: revocationLog.refused,
    },
    events: {
      verifier: new EventVerifier(settings.revocation.transmitters, keysOf, clock),
      intake,
      providersOf: knownIssuers(settings.identities, settings.revocation.transmitters),
      whenChanged,
      onRefused: revocationLog.refused,
      onEvent: revocationLog.event,
      onKeysFailed: revocationLog.keysFailed,
    },
    onDone: (exchange) => {
      metrics.countRequest(exchange)
      logAccess(log, exchange)
    },
    async close() {
      metrics.close()
      tokens.close()
      // What is in hand goes back before the connection on which it can.
      await ledger.close()
      const closing = [...backends.values()].map((backend) => backend.close())
      await Promise.all([dispatcher.close(), store?.close(), ...closing])
    },
  }
}

/** What this process shares with others; `undefined` when it keeps everything to itself. */
async function openSharedStore(
  settings: StoreSettings,
  metrics: Metrics,
  log: Logger,
): Promise<RedisStore | undefined> {
  if (settings.kind === 'memory') return undefined
  const countCommand = metrics.countStoreCommand.bind(metrics)
  const store = await openStore(settings, { log, countCommand })
  metrics.watchStore(store)
  return store
}

/** Routes that go to one place share its connections. */
function openBackend(backends: Map<string, Backend>, url: string, timeouts: TimeoutSettings): Backend {
  const backend = backends.get(url) ?? new Backend(url, timeouts)
  backends.set(url, backend)
  return backend
}

/** Builds what says what tokens mean, and counts how. */
function createTokenServices(settings: GatewaySettings, context: TokenContext): TokenServices {
  const { metrics, log } = context
  return new TokenServices(settings, {
    ...{ store: context.store, clock: context.clock, random: Math.random },
    providers: { dispatcher: context.dispatcher, listener: createProviderListener(metrics, log) },
    listenerOf: (provider) => ({
      ...metrics.tokens.of(provider),
      providerFailed: (error) =>
        log.error({ provider, reason: describeFailure(error) }, 'the identity provider gave no answer'),
    }),
    listener: {
      corruptEntry: () => metrics.tokens.countCorrupt(),
      corruptMessage: () => metrics.tokens.countCorrupt(),
      notRemembered: () => metrics.tokens.countUnremembered(),
      heeded: (kind, effect) => metrics.tokens.countRevocation(kind, effect),
    },
  })
}

interface TokenContext {
  readonly store: RedisStore | undefined
  readonly dispatcher: Agent
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
}

function createProviderListener(metrics: Metrics, log: Logger): RefusalListener & KeySetListener {
  return {
    tokenRefused(reason) {
      metrics.countTokenRefusal(reason)
      log.debug({ reason }, 'a token is refused')
    },
    keysFetched(count) {
      metrics.countKeySetFetch('fetched')
      log.debug({ keys: count }, 'the issuer’s key set was fetched')
    },
    keysFailed(error) {
      metrics.countKeySetFetch('failed')
      log.error({ reason: describeFailure(error) }, 'the issuer’s key set cannot be had')
    },
  }
}

/** The messages of a failure and of its cause: ours, or the connection's, which name hosts and ports at most. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
