import { compare } from '../compare.ts'
import { atLeast, beside, type Figure, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { plan } from './plan.ts'
import {
  ask,
  contestantOf,
  type FormRequest,
  type OAuthServer,
  startOidcProvider,
  startPasserelle,
  tokenRequests,
} from './servers.ts'

/** Different tokens that are asked about, in turn. */
const tokenCount = 1_000

/** Introspection of opaque tokens, each answered from the database. */
export async function measureIntrospections(stage: Stage, signal: AbortSignal): Promise<readonly Figure[]> {
  const rival = await startOidcProvider(stage)
  const own = await startPasserelle(stage, { name: 'passerelle' })
  const contestants = []
  for (const server of [rival, own])
    contestants.push(contestantOf(stage, server, await introspectionsAt(server)))
  const [ofRival, ofOwn] = await compare(contestants, { ...plan, signal })
  if (ofRival === undefined || ofOwn === undefined) throw new NotMeasurable('nothing was compared')
  const errors = ofRival.errors + ofOwn.errors
  if (errors > 0) throw new NotMeasurable(`${errors} requests were answered with errors`)
  return [
    atLeast('introspections a second, passerelle', ofOwn.requestsPerSecond, {
      goal: 5_000,
      unit: '/s',
      digits: 0,
    }),
    atLeast('the same over oidc-provider', ofOwn.requestsRatio, { goal: 2, unit: '×' }),
    atLeast("processor time of oidc-provider over passerelle's", 1 / ofOwn.processorRatio, {
      goal: 2,
      unit: '×',
    }),
    ...[ofOwn, ofRival].flatMap(({ name, processorUs, p99Ms }) => [
      beside(`processor time an introspection, ${name}`, processorUs, { unit: 'µs', digits: 0 }),
      beside(`p99 at ${plan.connections} connections, ${name}`, p99Ms, { unit: 'ms', digits: 1 }),
    ]),
    beside('introspections a second, oidc-provider', ofRival.requestsPerSecond, { unit: '/s', digits: 0 }),
  ]
}

/** Questions about tokens that the server has just issued. */
async function introspectionsAt(
  server: OAuthServer,
): Promise<{ url: string; requests: readonly FormRequest[] }> {
  const asking = tokenRequests(server.clients)
  const requests: FormRequest[] = []
  while (requests.length < tokenCount) {
    const answers = await Promise.all(asking.map((request) => ask(server.tokenUrl, request)))
    for (const { access_token: token } of answers)
      requests.push({ by: server.resourceServer, form: { token: String(token) } })
  }
  for (const request of requests.slice(0, 1)) await checkActive(server, request)
  return { url: server.introspectionUrl, requests }
}

/** A server that said of every token that it is not active would win. */
export async function checkActive(server: OAuthServer, request: FormRequest): Promise<void> {
  const { active } = await ask(server.introspectionUrl, request)
  if (active !== true) throw new NotMeasurable(`${server.name} does not know its own tokens`)
}
