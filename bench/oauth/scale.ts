import { compare } from '../compare.ts'
import { atMost, beside, type Figure, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { clientOf, fillStore, type StoreSize, tokenOf } from './fill-store.ts'
import { checkActive } from './introspections.ts'
import { plan } from './plan.ts'
import {
  contestantOf,
  type FormRequest,
  type OAuthServer,
  startPasserelle,
  tokenRequests,
} from './servers.ts'

/** A server, what is in its store, and how many different clients and tokens of it are asked about. */
interface FilledServer {
  readonly server: OAuthServer
  readonly size: StoreSize
  readonly asked: StoreSize
}

const fullSize: StoreSize = { clients: 1_000_000, tokens: 5_000_000 }

/** As good as empty: what has to be there to ask about. */
const emptySize: StoreSize = { clients: 16, tokens: 1_000 }

/** What tokens and introspections cost with a full store, over what they cost with an empty one, loaded in turn. */
export async function measureScale(stage: Stage, signal: AbortSignal): Promise<readonly Figure[]> {
  const startedAt = Date.now()
  const full = await startFilled(stage, {
    name: 'full',
    size: fullSize,
    asked: { clients: 20_000, tokens: 50_000 },
  })
  const seconds = (Date.now() - startedAt) / 1_000
  const empty = await startFilled(stage, { name: 'empty', size: emptySize, asked: emptySize })
  const stores = [empty, full]
  for (const { server, size } of stores) await checkActive(server, introspectionOf(server, size.tokens - 1))
  const ofIntrospections = await compareStores(stage, stores, {
    what: 'an introspection',
    requestsTo: ({ server, size, asked }) => ({
      url: server.introspectionUrl,
      requests: spread(size.tokens, asked.tokens).map((number) => introspectionOf(server, number)),
    }),
    signal,
  })
  const ofTokens = await compareStores(stage, stores, {
    what: 'a token',
    requestsTo: ({ server, size, asked }) => ({
      url: server.tokenUrl,
      requests: tokenRequests(spread(size.clients, asked.clients).map(clientOf)),
    }),
    signal,
  })
  const filling = `filling the store: ${fullSize.clients} clients, ${fullSize.tokens} live tokens`
  return [...ofIntrospections, ...ofTokens, beside(filling, seconds, { unit: 's', digits: 0 })]
}

async function startFilled(
  stage: Stage,
  { name, size, asked }: { name: string; size: StoreSize; asked: StoreSize },
): Promise<FilledServer> {
  const server = await startPasserelle(stage, { name, fill: (file) => fillStore(file, size) })
  return { server, size, asked }
}

interface StoreComparison {
  readonly what: string
  readonly requestsTo: (filled: FilledServer) => { url: string; requests: readonly FormRequest[] }
  readonly signal: AbortSignal
}

async function compareStores(
  stage: Stage,
  stores: readonly FilledServer[],
  { what, requestsTo, signal }: StoreComparison,
): Promise<readonly Figure[]> {
  const contestants = stores.map((filled) => contestantOf(stage, filled.server, requestsTo(filled)))
  const [empty, full] = await compare(contestants, { ...plan, signal })
  if (empty === undefined || full === undefined) throw new NotMeasurable('nothing was compared')
  const errors = empty.errors + full.errors
  if (errors > 0) throw new NotMeasurable(`${errors} requests were answered with errors`)
  return [
    atMost(`time ${what} takes, full store over empty`, 1 / full.requestsRatio, { goal: 1.5, unit: '×' }),
    atMost(`processor time ${what} takes, full store over empty`, full.processorRatio, {
      goal: 1.5,
      unit: '×',
    }),
    beside(`processor time ${what} takes, empty store`, empty.processorUs, { unit: 'µs', digits: 0 }),
  ]
}

function introspectionOf({ resourceServer: by }: OAuthServer, number: number): FormRequest {
  return { by, form: { token: tokenOf(number) } }
}

/** So many whole numbers below a bound, far from one another and in no order that a page cache would like. */
function spread(bound: number, count: number): readonly number[] {
  // A prime beyond every bound here, so that no number comes twice.
  return Array.from({ length: count }, (_, index) => (index * 7_919_993) % bound)
}
