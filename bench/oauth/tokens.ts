import { DatabaseSync } from 'node:sqlite'
import { compare, type Result } from '../compare.ts'
import { load } from '../load.ts'
import { atLeast, beside, type Figure, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { plan } from './plan.ts'
import {
  contestantOf,
  fileOf,
  type OAuthServer,
  startOidcProvider,
  startPasserelle,
  tokenRequests,
} from './servers.ts'

/**
 * Tokens by client credentials: how many a second, what they cost, and whether those that were answered with are in the
 * database, after a load and after a load in whose middle the server is killed.
 */
export async function measureTokens(stage: Stage, signal: AbortSignal): Promise<readonly Figure[]> {
  const rival = await startOidcProvider(stage)
  const own = await startPasserelle(stage, { name: 'passerelle' })
  const es256 = await startPasserelle(stage, { name: 'passerelle, JWT by ES256', signingAlgorithm: 'ES256' })
  const eddsa = await startPasserelle(stage, { name: 'passerelle, JWT by EdDSA', signingAlgorithm: 'EdDSA' })
  const servers = [rival, own, es256, eddsa]
  const contestants = servers.map((server) => contestantOf(stage, server, requestsTo(server)))
  const results = await compare(contestants, { ...plan, signal })
  const [ofRival, ofOwn, ...ofJwts] = results
  if (ofRival === undefined || ofOwn === undefined) throw new NotMeasurable('nothing was compared')
  return [
    atLeast('tokens a second, passerelle', ofOwn.requestsPerSecond, { goal: 2_000, unit: '/s', digits: 0 }),
    atLeast('the same over oidc-provider', ofOwn.requestsRatio, { goal: 2, unit: '×' }),
    atLeast("processor time a token of oidc-provider over passerelle's", 1 / ofOwn.processorRatio, {
      goal: 2,
      unit: '×',
    }),
    ...figuresOf(ofOwn),
    ...ofJwts.flatMap((result) => [rateOf(result), ...figuresOf(result)]),
    rateOf(ofRival),
    ...figuresOf(ofRival),
    await measureAcknowledged(stage, own, signal),
  ]
}

function requestsTo({ tokenUrl: url, clients }: OAuthServer) {
  return { url, requests: tokenRequests(clients) }
}

function rateOf({ name, requestsPerSecond }: Result): Figure {
  return beside(`tokens a second, ${name}`, requestsPerSecond, { unit: '/s', digits: 0 })
}

function figuresOf({ name, processorUs, p99Ms, errors }: Result): readonly Figure[] {
  return [
    ...(errors === 0 ? [] : [beside(`refused, or not answered in 2 s, ${name}`, errors, { digits: 0 })]),
    beside(`processor time a token, ${name}`, processorUs, { unit: 'µs', digits: 0 }),
    beside(`p99 at ${plan.connections} connections, ${name}`, p99Ms, { unit: 'ms', digits: 1 }),
  ]
}

/** How far into the load the server is killed. */
const killedAfterMs = 1_000

/** Kills the server under load: whatever a client was told of must be in the file, though nobody was there to finish. */
async function measureAcknowledged(stage: Stage, server: OAuthServer, signal: AbortSignal): Promise<Figure> {
  const contestant = contestantOf(stage, server, requestsTo(server))
  const file = fileOf(stage, server.name)
  const before = countTokens(file)
  const timer = setTimeout(() => process.kill(server.pid, 'SIGKILL'), killedAfterMs)
  const { requests } = await load({ ...plan, ...contestant, seconds: 2, signal })
  clearTimeout(timer)
  const stored = countTokens(file) - before
  return {
    what: 'tokens in the database after SIGKILL under load, of those that were answered with',
    value: `${stored} of ${requests}`,
    goal: { text: 'all', isMet: requests > 0 && stored >= requests },
  }
}

/** Tokens that are committed: counted in the file, past the server. */
function countTokens(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(database.prepare('select count(*) as n from access_tokens').get()?.n)
  } finally {
    database.close()
  }
}
