/**
 * Somebody measures how long a refusal takes, to learn which clients exist, which are disabled, and which secrets were good
 * once. No absolute time is looked at: attempts of all kinds take turns, and two kinds are told apart by the Mann–Whitney
 * statistic, the share of pairs in which the one was slower than the other. Where nothing can be told it is a half.
 */
import { Agent, request } from 'node:http'
import t, { type Test } from 'tap'
import {
  assertionForm,
  claimsFor,
  createKeyClient,
  makeClientKey,
  signAssertion,
} from '../support/assertions.ts'
import { formCredentials, startTestServer, type TestServer } from '../support/oauth-server.ts'

const attemptsPerRound = 2_000

/** How far from a half the share may be, round after round: more than four times what chance makes of it. */
const tellingShare = 0.1

type Kinds = Readonly<Record<string, () => Promise<Record<string, string>> | Record<string, string>>>

t.test('A3: the time of a refusal does not tell why', { timeout: 200_000 }, async (t) => {
  const server = await startTestServer(t)
  const right = await server.create()
  const disabled = await server.create()
  const expired = await server.create()
  const revoked = await server.create()
  const basicOnly = await server.create({ authMethod: 'client_secret_basic' })
  const where = ({ client: { id } }: { client: { id: string } }) => ['client_id', '=', id] as const
  await server.db
    .updateTable('clients')
    .set({ disabled_at: 1 })
    .where('id', '=', disabled.client.id)
    .execute()
  await server.db
    .updateTable('client_secrets')
    .set({ expires_at: 1 })
    .where(...where(expired))
    .execute()
  await server.db
    .deleteFrom('client_secrets')
    .where(...where(revoked))
    .execute()
  await compare(t, server, {
    'an unknown id': () => ({ client_id: 'tracks-2345abcd', client_secret: right.secret }),
    'a wrong secret': () => ({ client_id: right.client.id, client_secret: disabled.secret }),
    'a disabled client': () => formCredentials(disabled),
    'an expired secret': () => formCredentials(expired),
    'a revoked secret': () => formCredentials(revoked),
    'a wrong method': () => formCredentials(basicOnly),
  })
})

t.test('A3: nor does the time in which an assertion is refused', { timeout: 200_000 }, async (t) => {
  const server = await startTestServer(t)
  const [key, thief] = [await makeClientKey(), await makeClientKey()]
  const client = await createKeyClient(server, key)
  const secretive = await server.create()
  const forge = async (id: string) =>
    assertionForm(await signAssertion(claimsFor(server, { ...client, id }), thief.privateKey))
  await compare(t, server, {
    'an unknown id': () => forge('tracks-2345abcd'),
    'a wrong key': () => forge(client.id),
    'a client without keys': () => forge(secretive.client.id),
  })
})

/** A difference that is there shows in every round, and in the same direction; one that chance made does not. */
async function compare(t: Test, server: TestServer, kinds: Kinds): Promise<void> {
  const [first = '', ...others] = Object.keys(kinds)
  let suspects = others.map((kind) => ({ kind, sign: 0 }))
  for (let round = 0; round < 3 && suspects.length > 0; round += 1) {
    const times = await measure(server, kinds)
    suspects = suspects.flatMap(({ kind, sign }) => {
      const share = shareSlower(times.get(kind) ?? [], times.get(first) ?? [])
      t.comment(`${kind}: slower than ${first} in ${(share * 100).toFixed(1)} % of pairs`)
      const now = Math.sign(share - 0.5)
      return Math.abs(share - 0.5) > tellingShare && (sign === 0 || sign === now) ? [{ kind, sign: now }] : []
    })
  }
  t.same(suspects, [], `told apart from ${first}`)
}

/** The times of each kind, in a fresh order every turn, over one connection. */
async function measure(server: TestServer, kinds: Kinds): Promise<ReadonlyMap<string, number[]>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times = new Map<string, number[]>(Object.keys(kinds).map((kind) => [kind, []]))
  const turns = Math.ceil(attemptsPerRound / times.size)
  for (let turn = -50; turn < turns; turn += 1) {
    const order = [...times.keys()].sort(() => Math.random() - 0.5)
    for (const kind of order) {
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...(await kinds[kind]?.()) })
      const took = await timeOf(server.url, agent, body.toString())
      // The first turns are for the compiler.
      if (turn >= 0) times.get(kind)?.push(took)
    }
  }
  agent.destroy()
  return times
}

function timeOf(url: string, agent: Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
    }
    const started = performance.now()
    const sent = request(`${url}/oauth/token`, { method: 'POST', agent, headers }, (response) => {
      const took = performance.now() - started
      if (response.statusCode !== 401) reject(new Error(`answered ${response.statusCode}`))
      response.resume().on('end', () => resolve(took))
    })
    sent.on('error', reject).end(body)
  })
}

/** The Mann–Whitney statistic, as the share of pairs in which `a` was the slower, ties counting a half. */
function shareSlower(a: readonly number[], b: readonly number[]): number {
  const sorted = [...b].sort((x, y) => x - y)
  const below = (value: number, isStrict: boolean) => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const other = sorted[middle] ?? 0
      if (isStrict ? other < value : other <= value) low = middle + 1
      else high = middle
    }
    return low
  }
  const sum = a.reduce((total, value) => total + (below(value, true) + below(value, false)) / 2, 0)
  return sum / (a.length * b.length)
}
