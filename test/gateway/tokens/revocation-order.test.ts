/**
 * Whatever the order in which answers, writes and messages arrive, and whichever are lost: after a process has heard of a
 * revocation it serves nothing that was asked for before, and a process that hears nothing serves it within a bound.
 */
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../support/redis-servers.ts'
import type { ScriptRunner } from '../../support/scripted-store.ts'
import { needs, redisServer } from '../../support/services.ts'
import { anyTokenStep, TokenWorld, type TokenWorldOptions } from '../../support/token-world.ts'

const holds = (optionsOf: () => TokenWorldOptions, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(fc.array(anyTokenStep, { minLength: 5, maxLength: 80, size: 'max' }), async (steps) => {
      const world = new TokenWorld(optionsOf())
      await world.play(steps)
      if (world.faults.length > 0) throw new Error(world.faults.join('\n'))
    }),
    { numRuns },
  )

t.test('in one process without a store', async (t) => {
  for (const isLocal of [false, true]) await holds(() => ({ nodes: 1, isLocal }), 300)
  t.pass()
})

t.test(
  'what is announced twice in one millisecond, while the store is away, counts twice',
  await needs(redisServer),
  async (t) => {
    const server = await startRedis(t)
    const client = new Redis({ port: server.port, host: server.host, protocol: 2 })
    t.teardown(() => client.disconnect())
    const run: ScriptRunner = (script, keys, args) => client.eval(script.lua, keys.length, ...keys, ...args)
    const world = new TokenWorld({ nodes: 1, redis: { run, prefix: 'twice', isPartitioned: false } })
    await world.play([
      { kind: 'link', node: 0, isUp: false, isListening: false },
      { kind: 'announce', node: 0, what: 7, isRevoke: false },
      { kind: 'request', node: 0, token: 0 },
      { kind: 'announce', node: 0, what: 7, isRevoke: false },
    ])
    t.strictSame(world.faults, [])
  },
)

t.test('in three processes on a real Redis', await needs(redisServer), async (t) => {
  const server = await startRedis(t)
  const client = new Redis({ port: server.port, host: server.host, protocol: 2 })
  t.teardown(() => client.disconnect())
  const run: ScriptRunner = (script, keys, args) => client.eval(script.lua, keys.length, ...keys, ...args)
  let world = 0
  for (const isLocal of [false, true])
    for (const isPartitioned of [false, true])
      await holds(() => {
        world += 1
        return { nodes: 3, isLocal, redis: { run, prefix: `world-${world}`, isPartitioned } }
      }, 120)
  t.pass()
})
