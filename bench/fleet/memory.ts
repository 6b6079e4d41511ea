import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { atMost, beside, type Figure, NotMeasurable } from '../measurement.ts'
import type { Stage } from '../stage.ts'
import { Calls, rush } from './calls.ts'
import { type GatewayProcess, startGateways, startRedis, startWorld } from './fleet.ts'
import { tokensOf } from './tokens.ts'

const tokens = 200_000
const clients = 2_000
const requestsOfOneToken = 30_000
const atOnce = 48
const bytesPerMiB = 1_048_576

interface Memory {
  readonly residentMiB: number
  /** What the objects take that JavaScript can reach. */
  readonly heapMiB: number
  readonly tokens: number
}

/**
 * How much memory the process of a gateway takes with 200,000 tokens in its cache, above what it takes right after its
 * start. Each token comes in a request of its own and is looked up at the identity provider, as in production.
 */
export async function measureMemory(stage: Stage): Promise<readonly Figure[]> {
  const world = await startWorld(stage)
  const redis = await startRedis(stage)
  const [gateway] = await startGateways(stage, 1, {
    name: 'remembering',
    world,
    redis,
    options: {
      logLevel: 'error',
      tokenCache: { maxTokens: tokens, ttl: '1h' },
      // The bench comes from one address, faster than any client may.
      tokenLookUps: { perAddress: '1000000/1s', total: '1000000/1s' },
    },
  })
  if (gateway === undefined) throw new Error('no gateway was started')
  const empty = await memoryOf(gateway)
  const { fresh } = tokensOf('many')
  const known = fresh()
  await call(gateway, requestsOfOneToken, () => known)
  const used = await memoryOf(gateway)
  await call(gateway, tokens, (index) => fresh(index % clients))
  const full = await memoryOf(gateway)
  if (full.tokens < tokens) throw new NotMeasurable(`the gateway keeps ${full.tokens} of ${tokens} tokens`)
  return figuresOf({ empty, used, full })
}

function figuresOf({
  empty,
  used,
  full,
}: Readonly<Record<'empty' | 'used' | 'full', Memory>>): readonly Figure[] {
  const asMiB = { unit: 'MiB', digits: 0 }
  return [
    atMost(
      `resident memory above the empty gateway: ${tokens} tokens of ${clients} clients, each asked for over HTTP`,
      full.residentMiB - empty.residentMiB,
      { ...asMiB, goal: 150 },
    ),
    beside(
      `of it, there after ${requestsOfOneToken} requests of one token`,
      used.residentMiB - empty.residentMiB,
      asMiB,
    ),
    beside('objects in the heap above the empty gateway', full.heapMiB - empty.heapMiB, asMiB),
    beside('resident memory of the empty gateway', empty.residentMiB, asMiB),
  ]
}

async function call(
  { url }: GatewayProcess,
  total: number,
  tokenOf: (index: number) => string,
): Promise<void> {
  const calls = new Calls(url, { connections: atOnce })
  let failed = 0
  await rush({ total, atOnce }, async (index) => {
    const { status } = await calls.get(tokenOf(index))
    if (status !== 200) failed += 1
  })
  await calls.close()
  if (failed > 0) throw new NotMeasurable(`${failed} of ${total} requests were not answered with 200`)
}

/** After the garbage is collected, and what it took has gone back to the system. */
async function memoryOf({ pid, adminUrl }: GatewayProcess): Promise<Memory> {
  for (let pass = 0; pass < 4; pass += 1) {
    process.kill(pid, 'SIGUSR2')
    await wait(700)
  }
  // Field 2 of statm: resident pages, of 4 KiB each on every platform that the bench runs on (proc(5)).
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  const figureOf = (name: string) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(metrics)?.[1] ?? 0)
  return {
    residentMiB: (pages * 4_096) / bytesPerMiB,
    heapMiB: figureOf('nodejs_heap_size_used_bytes') / bytesPerMiB,
    tokens: figureOf('passerelle_cached_tokens'),
  }
}
