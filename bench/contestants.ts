import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { freePorts } from './free-ports.ts'
import { cores, type Stage } from './stage.ts'

/** A server that is ready to be loaded. */
export interface Contestant {
  readonly name: string
  readonly pid: number
  readonly url: string
  /** See `load`. */
  readonly script?: readonly string[]
}

/** What stands behind every contestant. */
interface Surroundings {
  readonly stage: Stage
  readonly backendPort: number
  readonly redisPort: number
}

interface ContestantDefinition {
  readonly name: string
  /** Whether it counts requests, and so must tell the client what is left. */
  readonly hasQuota: boolean
  start(surroundings: Surroundings, port: number): number
}

const startNginxLua =
  (name: string) =>
  ({ stage, backendPort, redisPort }: Surroundings, port: number) =>
    stage.startNginx(name, cores.contestants, {
      PORT: port,
      BACKEND_PORT: backendPort,
      REDIS_PORT: redisPort,
    })

/** All contestants; the first one that runs is what the others are compared to. */
const definitions: readonly ContestantDefinition[] = [
  { name: 'nginx-lua', hasQuota: true, start: startNginxLua('nginx-lua') },
  { name: 'nginx-lua-redis', hasQuota: true, start: startNginxLua('nginx-lua-redis') },
  {
    name: 'fastify-http-proxy',
    hasQuota: false,
    start: ({ stage, backendPort }, port) => {
      const program = join(import.meta.dirname, 'rivals/fastify-http-proxy.ts')
      const command = [process.execPath, program, String(port), `http://127.0.0.1:${backendPort}`]
      return stage.start({ name: 'fastify-http-proxy', core: cores.contestants, command })
    },
  },
  passerelle('passerelle', join(import.meta.dirname, '..')),
]

export const contestantNames = definitions.map(({ name }) => name)

/** Passerelle as in production: the whole job on the request path, an access log line and metrics a request. */
function passerelle(name: string, checkout: string): ContestantDefinition {
  const start = ({ stage, backendPort }: Surroundings, port: number) => {
    const config = stage.write(`${name}.yaml`, gatewayConfig(port, `http://127.0.0.1:${backendPort}`))
    const program = join(resolve(checkout), 'bench/contestants/passerelle.ts')
    const command = [process.execPath, program, '--config', config]
    return stage.start({ name, core: cores.contestants, command })
  }
  return { name, hasQuota: true, start }
}

function gatewayConfig(port: number, backendUrl: string): string {
  return stringify({
    listen: `127.0.0.1:${port}`,
    admin: '127.0.0.1:0',
    identity: { verify: `${backendUrl}/oauth/verifToken` },
    routes: { '/api1': { to: backendUrl, roles: ['USER'], queryToken: true } },
  })
}

/** Starts the backend, Redis and the contestants, and makes sure that each does its job. */
export async function startContestants(
  stage: Stage,
  { only, against }: { only: readonly string[] | undefined; against: string | undefined },
): Promise<readonly Contestant[]> {
  const chosen = definitions.filter(({ name }) => only?.includes(name) ?? true)
  if (against !== undefined) chosen.unshift(passerelle('before', against))
  const [backendPort = 0, redisPort = 0, ...ports] = await freePorts(2 + chosen.length)
  startBackend(stage, backendPort, redisPort)
  await stage.untilItAnswers('backend', `http://127.0.0.1:${backendPort}/`)
  const contestants: Contestant[] = []
  for (const [index, definition] of chosen.entries()) {
    const port = ports[index] ?? 0
    const pid = definition.start({ stage, backendPort, redisPort }, port)
    const contestant = {
      name: definition.name,
      pid,
      url: `http://127.0.0.1:${port}/api1/resource?access_token=abc`,
    }
    await checkJob(stage, definition, contestant)
    contestants.push(contestant)
  }
  return contestants
}

function startBackend(stage: Stage, port: number, redisPort: number): void {
  stage.startNginx('backend', cores.others, { PORT: port, PAD: 'x'.repeat(1_000) })
  const options = ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  stage.start({
    name: 'redis',
    core: cores.others,
    command: ['redis-server', ...options, '--dir', stage.folder],
  })
}

/** A contestant that left its job undone would win. */
async function checkJob(
  stage: Stage,
  { hasQuota }: ContestantDefinition,
  { name, url }: Contestant,
): Promise<void> {
  const response = await stage.untilItAnswers(name, url)
  const body = await response.text()
  const isCounted = response.headers.has('x-rate-limit-remaining')
  if (body.length < 1_000 || isCounted !== hasQuota) {
    throw new Error(
      `${name} does not do its job: ${body.length} bytes, headers ${[...response.headers.keys()]}`,
    )
  }
}
