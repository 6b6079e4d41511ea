import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisProcess } from '../support/redis-process.ts'
import type { Stage } from './stage.ts'

/** What can be done to a fleet and its store while requests come in. */
interface FaultKind {
  /** Whether it ends gateway processes; whether the store comes out of it without all of its data. */
  readonly isDeath: boolean
  readonly isLoss: boolean
  /** Whether it is done to a gateway; else to the store, where one fault waits for the one before. */
  readonly isOfGateway: boolean
  readonly strike: (stage: Stage, target: Target) => Promise<unknown>
}

interface Target {
  /** The gateway's place in the fleet, from 0 to 3. */
  readonly slot: number
  /** A client that is counted while this happens. */
  readonly client: string
}

const ofGateway = { isDeath: false, isLoss: false, isOfGateway: true }
const ofStore = { isDeath: false, isLoss: false, isOfGateway: false }

/** How long the store stays dead before it is started again. */
const deadMs = 400

const faultKinds = {
  'SIGKILL of a gateway': {
    ...{ ...ofGateway, isDeath: true },
    strike: ({ fleet }, { slot }) => fleet.replace(slot, 'SIGKILL'),
  },
  'SIGTERM of a gateway': {
    ...{ ...ofGateway, isDeath: true },
    strike: ({ fleet }, { slot }) => fleet.replace(slot, 'SIGTERM'),
  },
  'SIGSTOP of a gateway': { ...ofGateway, strike: ({ fleet }, { slot }) => fleet.freeze(slot, 1_500) },
  'long SIGSTOP of a gateway': { ...ofGateway, strike: ({ fleet }, { slot }) => fleet.freeze(slot, 4_500) },
  'CLIENT KILL': {
    ...ofStore,
    strike: (stage) =>
      onEach(stage, async (server) => {
        await tell(server, 'CLIENT', 'KILL', 'TYPE', 'normal')
        await tell(server, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
      }),
  },
  'CLIENT PAUSE': {
    ...ofStore,
    strike: (stage) => onEach(stage, (server) => tell(server, 'CLIENT', 'PAUSE', 500)),
  },
  'SIGSTOP of the store': {
    ...ofStore,
    strike: (stage) =>
      onEach(stage, async (server) => {
        server.pause()
        await sleep(500)
        server.resume()
      }),
  },
  FLUSHALL: {
    ...{ ...ofStore, isLoss: true },
    strike: (stage) => onEach(stage, (server) => tell(server, 'FLUSHALL')),
  },
  'SAVE of the store': { ...ofStore, strike: (stage) => onEach(stage, (server) => tell(server, 'SAVE')) },
  'kill -9 of the store, back empty': {
    ...{ ...ofStore, isLoss: true },
    strike: (stage) => onEach(stage, (server) => server.restart()),
  },
  'kill -9 of the store, back as saved': {
    ...{ ...ofStore, isLoss: true },
    strike: (stage) =>
      onEach(stage, async (server) => {
        await server.kill()
        await sleep(deadMs)
        await server.start()
      }),
  },
  'restart of the store': {
    ...ofStore,
    strike: (stage) => onEach(stage, (server) => server.restart({ keepsData: true })),
  },
  'kill -9 of the store': {
    ...{ ...ofStore, isLoss: true },
    strike: (stage) => onEach(stage, (server) => server.kill()),
  },
  'the store is back': { ...ofStore, strike: (stage) => stage.mend() },
  'the replica falls behind': { ...ofStore, strike: (stage) => stage.leaveBehind() },
  failover: { ...{ ...ofStore, isLoss: true }, strike: (stage, { client }) => stage.failOver(client) },
} satisfies Record<string, FaultKind>

export type FaultName = keyof typeof faultKinds

export function kindOf(name: FaultName): FaultKind {
  return faultKinds[name]
}

async function onEach(stage: Stage, strike: (server: RedisProcess) => Promise<unknown>): Promise<void> {
  await Promise.all((await stage.primaries()).map(strike))
}

/** A server that another fault has hit may not answer. */
function tell(
  server: RedisProcess,
  command: string,
  ...args: readonly (string | number)[]
): Promise<unknown> {
  return server.send(command, ...args).catch(() => undefined)
}
