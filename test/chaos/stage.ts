import { setTimeout as sleep } from 'node:timers/promises'
import { bucketOfTag } from '../../gateway/store/buckets.ts'
import type { Owner } from '../support/owner.ts'
import type { RedisProcess } from '../support/redis-process.ts'
import { startCluster, startRedis, startSentinels } from '../support/redis-servers.ts'
import { until } from '../support/until.ts'
import { Fleet } from './fleet.ts'

export type StageName = 'server' | 'sentinels' | 'cluster'

/** A store that can be hurt, and the fleet that counts in it. */
export interface Stage {
  readonly fleet: Fleet
  /** Those that serve now. */
  primaries(): Promise<readonly RedisProcess[]>
  /** From now on the replica hears nothing of what is written. */
  leaveBehind(): Promise<void>
  /** Kills the primary that counts this client, and waits until another has taken its place. */
  failOver(client: string): Promise<void>
  /** Starts again what a round has left dead, and waits until all is as before. */
  mend(): Promise<void>
  /** As many names of clients as are wanted, beginning with this word, so that every primary counts some of them. */
  namesOf(word: string, count: number): Promise<readonly string[]>
}

export async function openStage(owner: Owner, name: StageName): Promise<Stage> {
  switch (name) {
    case 'server':
      return await openServer(owner)
    case 'sentinels':
      return await openSentinels(owner)
    case 'cluster':
      return await openCluster(owner)
    default:
      return name satisfies never
  }
}

async function openServer(owner: Owner): Promise<Stage> {
  const server = await startRedis(owner)
  const fleet = await Fleet.start(owner, server.url)
  return {
    fleet,
    primaries: async () => [server],
    leaveBehind: () => Promise.reject(new Error('one server has no replica')),
    failOver: () => Promise.reject(new Error('one server has no replica')),
    async mend() {
      if (!server.isRunning) await server.start()
      await fleet.untilWhole()
    },
    namesOf: async (word, count) => numbered(word, count),
  }
}

async function openSentinels(owner: Owner): Promise<Stage> {
  const sentinels = await startSentinels(owner)
  const fleet = await Fleet.start(owner, sentinels.url)
  const dead: RedisProcess[] = []
  return {
    fleet,
    primaries: async () => [await sentinels.primary()],
    leaveBehind: () => sentinels.leaveBehind(),
    async failOver() {
      const first = await sentinels.primary()
      dead.push(first)
      await first.kill()
      await until('the replica is promoted', async () => (await sentinels.primary()) !== first)
    },
    async mend() {
      for (const server of dead.splice(0)) {
        await server.start()
        await untilFollowing(server)
      }
      await fleet.untilWhole()
    },
    namesOf: async (word, count) => numbered(word, count),
  }
}

async function openCluster(owner: Owner): Promise<Stage> {
  const cluster = await startCluster(owner, { args: ['--cluster-require-full-coverage', 'no'] })
  const fleet = await Fleet.start(owner, cluster.url)
  const primaryOf = (client: string) => cluster.primaryOf(`passerelle:{${bucketOfTag(`client ${client}`)}}:q`)
  return {
    fleet,
    primaries: async () => [
      ...new Set(await Promise.all(numbered('x', 24).map((client) => primaryOf(client)))),
    ],
    leaveBehind: () => Promise.reject(new Error('a Cluster lets no replica go')),
    async failOver(client) {
      const first = await primaryOf(client)
      await first.kill()
      await until('the replica is promoted', async () => (await primaryOf(client)) !== first)
    },
    async mend() {
      for (const node of cluster.nodes.filter(({ isRunning }) => !isRunning)) {
        await node.start()
        await untilFollowing(node)
      }
      await cluster.untilWhole()
      await fleet.untilWhole()
    },
    async namesOf(word, count) {
      const byPrimary = new Map<RedisProcess, string[]>()
      for (const client of numbered(word, 8 * count)) {
        const primary = await primaryOf(client)
        byPrimary.set(primary, [...(byPrimary.get(primary) ?? []), client])
      }
      return [...byPrimary.values()].flatMap((clients) => clients.slice(0, Math.ceil(count / byPrimary.size)))
    },
  }
}

async function untilFollowing(server: RedisProcess): Promise<void> {
  await until('what was dead follows', async () => {
    await sleep(50)
    const role = await server.send('ROLE').catch(() => [])
    return Array.isArray(role) && role[0] === 'slave' && role[3] === 'connected'
  })
}

function numbered(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word}-${index + 1}`)
}
