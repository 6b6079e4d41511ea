import { compare } from '../compare.ts'
import { atMost, beside, type Figure, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { clientOf, fillPostgres, fillSqlite, type StoreSize, tokenOf } from './fill-store.ts'
import { checkActive } from './introspections.ts'
import { plan } from './plan.ts'
import { createPostgres, type PostgresDatabase } from './postgres-database.ts'
import {
  contestantOf,
  type FormRequest,
  fileOf,
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

/** What tokens and introspections cost with a full SQLite file, over what they cost with an empty one. */
export function measureScale(stage: Stage, signal: AbortSignal): Promise<readonly Figure[]> {
  return compareSizes(
    stage,
    (name, size) => startPasserelle(stage, { name, fill: () => fillSqlite(fileOf(stage, name), size) }),
    signal,
  )
}

/** The same on Postgres. */
export async function measurePostgres(stage: Stage, signal: AbortSignal): Promise<readonly Figure[]> {
  const databases: PostgresDatabase[] = []
  try {
    return await compareSizes(
      stage,
      async (name, size) => {
        const database = await createPostgres()
        databases.push(database)
        return startPasserelle(stage, {
          name,
          database: database.url,
          fill: (url) => fillPostgres(url, size),
        })
      },
      signal,
    )
  } finally {
    for (const database of databases) await database.drop()
  }
}

/** Starts a server whose store has so much in it. */
type Start = (name: string, size: StoreSize) => Promise<OAuthServer>

/** Loads a server with a full and one with an empty store in turn. */
async function compareSizes(stage: Stage, start: Start, signal: AbortSignal): Promise<readonly Figure[]> {
  const startedAt = Date.now()
  const full: FilledServer = {
    server: await start('full', fullSize),
    size: fullSize,
    asked: { clients: 20_000, tokens: 50_000 },
  }
  const seconds = (Date.now() - startedAt) / 1_000
  const empty: FilledServer = { server: await start('empty', emptySize), size: emptySize, asked: emptySize }
  const stores = [empty, full]
  for (const { server, size } of stores) await checkActive(server, introspectionOf(server, size.tokens - 1))
  const ofIntrospections = await compareStores(stage, stores, {
    one: 'an introspection',
    many: 'introspections',
    requestsTo: ({ server, size, asked }) => ({
      url: server.introspectionUrl,
      requests: spread(size.tokens, asked.tokens).map((number) => introspectionOf(server, number)),
    }),
    signal,
  })
  const ofTokens = await compareStores(stage, stores, {
    one: 'a token',
    many: 'tokens',
    requestsTo: ({ server, size, asked }) => ({
      url: server.tokenUrl,
      requests: tokenRequests(spread(size.clients, asked.clients).map(clientOf)),
    }),
    signal,
  })
  const filling = `filling the store: ${fullSize.clients} clients, ${fullSize.tokens} live tokens`
  return [...ofIntrospections, ...ofTokens, beside(filling, seconds, { unit: 's', digits: 0 })]
}

interface StoreComparison {
  readonly one: string
  readonly many: string
  readonly requestsTo: (filled: FilledServer) => { url: string; requests: readonly FormRequest[] }
  readonly signal: AbortSignal
}

async function compareStores(
  stage: Stage,
  stores: readonly FilledServer[],
  { one, many, requestsTo, signal }: StoreComparison,
): Promise<readonly Figure[]> {
  const contestants = stores.map((filled) => contestantOf(stage, filled.server, requestsTo(filled)))
  const [empty, full] = await compare(contestants, { ...plan, signal })
  if (empty === undefined || full === undefined) throw new NotMeasurable('nothing was compared')
  const errors = empty.errors + full.errors
  if (errors > 0) throw new NotMeasurable(`${errors} requests were answered with errors`)
  return [
    atMost(`time ${one} takes, full store over empty`, 1 / full.requestsRatio, { goal: 1.5, unit: '×' }),
    atMost(`processor time ${one} takes, full store over empty`, full.processorRatio, {
      goal: 1.5,
      unit: '×',
    }),
    beside(`processor time ${one} takes, empty store`, empty.processorUs, { unit: 'µs', digits: 0 }),
    beside(`${many} a second, empty store`, empty.requestsPerSecond, {
      unit: '/s',
      digits: 0,
    }),
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
