import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freePorts } from '../free-ports.ts'
import { cores, type Stage } from '../stage.ts'
import { RedisUnderMeasure } from './redis-under-measure.ts'
import { tokensOf } from './tokens.ts'

/** A gateway process: the program as in production, with its own ports. */
export interface GatewayProcess {
  readonly pid: number
  readonly url: string
  readonly adminUrl: string
}

/** Backend, identity provider and token endpoint in one process, at `url`. */
export interface World {
  readonly url: string
  /** How many tokens the gateways have asked for so far. */
  lookUps(): Promise<number>
  /** From now on the provider calls no token of this client valid. */
  revokeClient(client: string): Promise<void>
}

/** What gateways are started with, beside the places of what they need. */
export interface GatewayPlan {
  readonly name: string
  readonly world: World
  /** The store; in the process's memory when there is none. */
  readonly redis?: RedisUnderMeasure
  /** Members of the configuration file that come before those that all share. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Members of the identity provider. */
  readonly identity?: Readonly<Record<string, unknown>>
}

/** Sent as Bearer token to the revocation endpoint. */
export const revocationSecret = 'the-secret-of-the-bench'

/** The size of the young generation is the one of the image, and set as there: see the Dockerfile. */
const asInTheImage = ['env', 'NODE_OPTIONS=--max-semi-space-size=16']

const firstAnswerTimeoutMs = 20_000

/** Starts the world around the gateways. Its answers about tokens take so long, as a provider's database would. */
export async function startWorld(stage: Stage, { answerAfterMs = 0 } = {}): Promise<World> {
  const [port = 0] = await freePorts(1)
  const name = `world-${port}`
  const program = join(import.meta.dirname, 'world.ts')
  const command = [process.execPath, program, String(port), String(answerAfterMs)]
  stage.start({ name, core: cores.others, command })
  const url = `http://127.0.0.1:${port}`
  await stage.untilItAnswers(name, `${url}/counts`)
  return {
    url,
    async lookUps() {
      const counts: unknown = await (await fetch(`${url}/counts`)).json()
      return (counts as { lookUps: number }).lookUps
    },
    async revokeClient(client) {
      await (await fetch(`${url}/revoke?client=${client}`, { method: 'POST' })).text()
    },
  }
}

/** Starts a Redis that nobody else uses. */
export async function startRedis(stage: Stage): Promise<RedisUnderMeasure> {
  const [port = 0] = await freePorts(1)
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const command = ['redis-server', ...options, '--dir', stage.folder]
  stage.start({ name: `redis-${port}`, core: cores.others, command })
  return await RedisUnderMeasure.connect(port)
}

/** Starts so many gateway processes that share everything. */
export async function startGateways(
  stage: Stage,
  count: number,
  plan: GatewayPlan,
): Promise<readonly GatewayProcess[]> {
  const ports = await freePorts(count * 2)
  const gateways = Array.from({ length: count }, (_, index) => {
    const [port = 0, adminPort = 0] = ports.slice(index * 2)
    const name = `${plan.name}-${index}`
    const config = stage.write(`${name}.yaml`, configOf(plan, port, adminPort))
    const program = join(import.meta.dirname, 'gateway.ts')
    const command = [...asInTheImage, process.execPath, '--expose-gc', program, '--config', config]
    const pid = stage.start({ name, core: cores.contestants, command })
    return { name, pid, url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${adminPort}` }
  })
  for (const { name, adminUrl } of gateways) await stage.untilItAnswers(name, `${adminUrl}/healthz`)
  await useThem(gateways)
  return gateways
}

/**
 * A process that has just started compiles its code first, and may still make itself known to the store. With a token of
 * its own, so that no figure holds it.
 */
async function useThem(gateways: readonly GatewayProcess[]): Promise<void> {
  const token = tokensOf('many').fresh()
  const endMs = Date.now() + firstAnswerTimeoutMs
  for (const { url } of gateways) {
    for (;;) {
      const response = await fetch(`${url}/api/warm-up`, { headers: { authorization: `Bearer ${token}` } })
      const text = await response.text()
      if (response.status === 200) break
      if (Date.now() > endMs)
        throw new Error(`a gateway that has started answers ${response.status}: ${text}`)
      await wait(100)
    }
  }
  // What was begun in the background has time to end.
  await wait(200)
}

function configOf({ world, redis, options, identity }: GatewayPlan, port: number, adminPort: number): string {
  return stringify({
    ...options,
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${adminPort}`,
    ...(redis === undefined ? {} : { store: redis.url }),
    identity: { verify: `${world.url}/verifToken`, ...identity },
    routes: {
      '/api': { to: world.url, roles: ['USER'] },
      '/oauth': { to: world.url, auth: 'none' },
    },
  })
}
