import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from './certificates.ts'
import type { Owner } from './owner.ts'
import { freeLastingPort } from './ports.ts'
import { type RedisAccess, type RedisPlan, RedisProcess } from './redis-process.ts'
import { until } from './until.ts'

export interface RedisServerOptions {
  /** More arguments of the program, such as `--maxmemory 10mb`. */
  readonly args?: readonly string[]
  /** Speaks TLS alone, with a certificate of a private authority. */
  readonly tls?: boolean
  /** Lines of the ACL file. Nobody but these users is let in then, and an administrator of the test's own. */
  readonly acl?: readonly string[]
}

/** A Redis of a test's own, and how a gateway would reach it. */
export class RedisServer extends RedisProcess {
  /** File with the authority's certificate, when it speaks TLS. */
  readonly ca: string | undefined
  readonly #scheme: string

  constructor(plan: RedisPlan, ca: string | undefined) {
    super(plan)
    this.ca = ca
    this.#scheme = ca === undefined ? 'redis' : 'rediss'
  }

  get url(): string {
    return this.urlFor('')
  }

  /** The URL for a user, given as `name:password@`. */
  urlFor(credentials: string): string {
    return `${this.#scheme}://${credentials}${this.host}:${this.port}`
  }
}

/** Starts a Redis on a free port, which ends with the test or with its process. Guard the test by `needs(redisServer)`. */
export async function startRedis(t: Owner, options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = makeFolder(t)
  const port = await freeLastingPort()
  const certificates = options.tls ? makeCertificates(folder) : undefined
  const { args, access } = accessPlan(folder, options)
  const listening = certificates
    ? [
        ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
        ...['--tls-cert-file', certificates.cert, '--tls-key-file', certificates.key],
        ...['--tls-ca-cert-file', certificates.ca],
      ]
    : ['--port', String(port)]
  const tls = certificates && { tls: { ca: readFileSync(certificates.ca) } }
  const server = new RedisServer(
    {
      port,
      folder,
      args: [...plainArgs, ...listening, ...args, ...(options.args ?? [])],
      access: { ...access, ...tls },
    },
    certificates?.ca,
  )
  t.teardown(() => server.kill())
  await server.start()
  return server
}

/** On this machine only, without writing anything but its log. */
const plainArgs = [
  ...['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--logfile', 'redis.log'],
  ...['--protected-mode', 'no', '--repl-diskless-sync-delay', '0'],
]

function accessPlan(
  folder: string,
  { acl }: RedisServerOptions,
): { readonly args: readonly string[]; readonly access: RedisAccess } {
  if (acl === undefined) return { args: [], access: {} }
  const file = join(folder, 'users.acl')
  const password = 'of-the-test'
  const lines = ['user default off', `user administrator on >${password} ~* &* +@all`, ...acl]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return { args: ['--aclfile', file], access: { username: 'administrator', password } }
}

/** Removed after the servers in it have ended: what is registered first is torn down last. */
function makeFolder(t: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-redis-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A primary and its replica, watched by three Sentinels. */
export interface RedisSentinels {
  readonly url: string
  readonly sentinels: readonly RedisProcess[]
  /** Whoever is the primary now, as the Sentinels say. */
  primary(): Promise<RedisProcess>
  /** Lets the replica follow nobody: it keeps what it has, and is still the one that is promoted. */
  leaveBehind(): Promise<void>
}

export interface SentinelOptions {
  readonly primaryName?: string
  /** A password that the Sentinels want. */
  readonly password?: string
}

/** Starts a primary with one replica and three Sentinels, which replace a dead primary within seconds. */
export async function startSentinels(
  t: Owner,
  { primaryName = 'main', password }: SentinelOptions = {},
): Promise<RedisSentinels> {
  const first = await startRedis(t)
  const second = await startRedis(t, { args: ['--replicaof', first.host, String(first.port)] })
  await until('the replica follows', async () => String(await second.send('ROLE')).includes('connected'))
  const monitored = { name: primaryName, port: first.port, password }
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(t, monitored)))
  const knowsAll = async (sentinel: RedisProcess) => {
    const fields = await sentinel.send('SENTINEL', 'MASTER', primaryName)
    const state = Array.isArray(fields) ? fields : []
    const field = (name: string) => state[state.indexOf(name) + 1]
    return field('num-slaves') === '1' && field('num-other-sentinels') === '2'
  }
  for (const sentinel of sentinels) await until('each Sentinel knows all', () => knowsAll(sentinel))
  const hosts = sentinels.map(({ host, port }) => `${host}:${port}`).join(',')
  const primary = async () => {
    const address = await sentinels[0]?.send('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName)
    return Array.isArray(address) && address[1] === String(second.port) ? second : first
  }
  return {
    ...{ url: `redis+sentinel://${hosts}/${primaryName}`, sentinels, primary },
    async leaveBehind() {
      const replica = (await primary()) === first ? second : first
      await replica.send('REPLICAOF', '127.0.0.1', 1)
    },
  }
}

async function startSentinel(
  t: Owner,
  {
    name,
    port,
    password,
  }: { readonly name: string; readonly port: number; readonly password: string | undefined },
): Promise<RedisProcess> {
  const folder = makeFolder(t)
  const ownPort = await freeLastingPort()
  const lines = [
    `port ${ownPort}`,
    'bind 127.0.0.1',
    'protected-mode no',
    'logfile redis.log',
    `sentinel monitor ${name} 127.0.0.1 ${port} 2`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 2000`,
    ...(password === undefined ? [] : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`]),
  ]
  const file = join(folder, 'sentinel.conf')
  writeFileSync(file, `${lines.join('\n')}\n`)
  const access = password === undefined ? {} : { password }
  const sentinel = new RedisProcess({ port: ownPort, folder, args: [file, '--sentinel'], access })
  t.teardown(() => sentinel.kill())
  await sentinel.start()
  return sentinel
}

/** A Cluster of three primaries, each with a replica. */
export interface RedisCluster {
  readonly url: string
  readonly nodes: readonly RedisServer[]
  /** Whoever serves this key now. */
  primaryOf(key: string): Promise<RedisServer>
  /** Waits until every node that runs says that all slots are served. */
  untilWhole(): Promise<void>
}

/** Starts a Cluster that replaces a dead primary within seconds, and waits until it serves all slots. */
export async function startCluster(t: Owner, options: RedisServerOptions = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startClusterNode(t, options)))
  const primaries = nodes.slice(0, 3)
  const [first] = nodes as [RedisServer]
  for (const [index, { host, port }] of nodes.entries()) {
    await nodes[index]?.send('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    if (index > 0)
      await first.send('CLUSTER', 'MEET', host, port, await busPortOf(nodes[index] as RedisServer))
  }
  const bounds = [0, 5_461, 10_923, 16_384]
  for (const [index, primary] of primaries.entries())
    await primary.send('CLUSTER', 'ADDSLOTSRANGE', bounds[index] ?? 0, (bounds[index + 1] ?? 0) - 1)
  const knowAll = async (node: RedisServer) =>
    String(await node.send('CLUSTER', 'NODES'))
      .trim()
      .split('\n').length === 6
  for (const node of nodes) await until('each node knows all', () => knowAll(node))
  for (const [index, replica] of nodes.slice(3).entries())
    await replica.send('CLUSTER', 'REPLICATE', String(await primaries[index]?.send('CLUSTER', 'MYID')))
  const cluster = {
    url: `redis+cluster://${primaries.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    nodes,
    primaryOf: (key: string) => primaryOf(nodes, key),
    untilWhole: () => untilWhole(nodes),
  }
  await cluster.untilWhole()
  for (const replica of nodes.slice(3))
    await until('each replica follows', async () => String(await replica.send('ROLE')).includes('connected'))
  return cluster
}

async function startClusterNode(t: Owner, options: RedisServerOptions): Promise<RedisServer> {
  const busPort = await freeLastingPort()
  const args = [
    ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-port', String(busPort)],
    ...['--cluster-node-timeout', '1000', '--cluster-replica-validity-factor', '0'],
  ]
  return await startRedis(t, { ...options, args: [...args, ...(options.args ?? [])] })
}

async function busPortOf(node: RedisServer): Promise<number> {
  return Number(await node.send('CONFIG', 'GET', 'cluster-port').then((reply) => (reply as string[])[1]))
}

async function untilWhole(nodes: readonly RedisServer[]): Promise<void> {
  const isWhole = async (node: RedisServer) =>
    !node.isRunning || /cluster_state:ok/.test(String(await node.send('CLUSTER', 'INFO')))
  for (const node of nodes) await until('each node says that the Cluster is whole', () => isWhole(node))
}

async function primaryOf(nodes: readonly RedisServer[], key: string): Promise<RedisServer> {
  for (const node of nodes.filter(({ isRunning }) => isRunning)) {
    const slot = Number(await node.send('CLUSTER', 'KEYSLOT', key))
    const ranges = (await node.send('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)
    const primary = nodes.find(({ port }) => port === range?.[2][1])
    if (primary !== undefined) return primary
  }
  throw new Error(`no node serves ${key}`)
}
