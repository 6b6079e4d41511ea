/**
 * What listens at the store's URL and is no Redis, or one that is out of order. Whatever it sends, the process goes on,
 * says what is wrong, tries again with growing pauses, and is back as soon as a Redis is there.
 */
import type { Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../../gateway/shared-store.ts'
import { RedisStore } from '../../../gateway/store/redis-store.ts'
import {
  answerWell,
  bulk,
  type HostileStore,
  type StoreAnswer,
  startHostileStore,
} from '../../support/hostile-store.ts'
import { setScene } from '../../support/scene.ts'
import { openTestStore, redisSettings } from '../../support/shared-store.ts'
import { createTokenNode, MapProvider } from '../../support/token-node.ts'
import { until } from '../../support/until.ts'

const always =
  (bytes: string): StoreAnswer =>
  () =>
    bytes
const to =
  (name: string, bytes: string): StoreAnswer =>
  (command, socket) =>
    command[0]?.toLowerCase() === name ? bytes : answerWell(command, socket)

/** A Cluster of one node, which is this server. */
const answerAsCluster: StoreAnswer = (command, socket) =>
  command[0] === 'cluster'
    ? `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n${bulk('127.0.0.1')}:${socket.localPort}\r\n`
    : answerWell(command, socket)
const ofScripts =
  (bytes: string): StoreAnswer =>
  (command, socket) =>
    /^(?:eval|publish)/.test(command[0] ?? '') ? bytes : answerAsCluster(command, socket)
/** A Sentinel that names itself as the primary. */
const answerAsSentinel: StoreAnswer = (command, socket) =>
  command[0] === 'sentinel'
    ? `*2\r\n${bulk('127.0.0.1')}${bulk(String(socket.localPort))}`
    : answerWell(command, socket)
const range = (node: string) => `*1\r\n*3\r\n:0\r\n:16383\r\n${node}`

const servers: Readonly<Record<string, StoreAnswer>> = {
  'a web server': always('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
  'a mail server': always('500 what?\r\n'),
  'a TLS server': always('\x15\x03\x03\x00\x02\x02\x46'),
  'nulls only': always('$-1\r\n'),
  'two nulls for one': always('$-1\r\n$-1\r\n'),
  'two null arrays for one': always('*-1\r\n*-1\r\n'),
  'empty arrays': always('*0\r\n'),
  'two empty arrays for one': always('*0\r\n*0\r\n'),
  'two good answers for one': always('+OK\r\n+OK\r\n'),
  'numbers only': always(':1\r\n'),
  'empty texts': always('+\r\n'),
  'empty bulk texts': always('$0\r\n\r\n'),
  'a number for a subscription': to('subscribe', ':1\r\n'),
  'a null for a subscription': to('subscribe', '$-1\r\n'),
  'a subscription to nothing': to('subscribe', `*3\r\n${bulk('subscribe')}$-1\r\n:1\r\n`),
  'a subscription of nothing': to('subscribe', '*3\r\n$-1\r\n$-1\r\n$-1\r\n'),
  'nulls after a subscription': to('subscribe', `*3\r\n${bulk('subscribe')}${bulk('a')}:1\r\n$-1\r\n$-1\r\n`),
  'a message of nulls': to('subscribe', `*3\r\n${bulk('message')}$-1\r\n$-1\r\n`),
  'a message of messages': to('subscribe', `*3\r\n*0\r\n*0\r\n*0\r\n`),
  'a push of nulls (RESP3)': always('>2\r\n$-1\r\n$-1\r\n'),
  'a push in the middle (RESP3)': always(`+OK\r\n>3\r\n${bulk('message')}${bulk('a')}${bulk('b')}`),
  'nulls of RESP3': always('_\r\n_\r\n'),
  'a map (RESP3)': always('%1\r\n+a\r\n+b\r\n'),
  'arrays 100,000 deep': always('*1\r\n'.repeat(100_000)),
  'a text of negative length': always('$-5\r\n'),
  'a text of no length': always('$abc\r\n'),
  'a text of 10 GB': always('$10000000000\r\nabc'),
  'a text longer than it says': always('$2\r\nabcd\r\n'),
  'an array of 10^9': always('*1000000000\r\n'),
  'an array of 2^32': always('*4294967296\r\n'),
  'an array of negative length': always('*-7\r\n+OK\r\n'),
  'lines without CR': always('+OK\n'),
  'a line that does not end': always('+'.repeat(100_000)),
  'a redirection to nowhere': always('-MOVED 1\r\n'),
}

const clusters: Readonly<Record<string, StoreAnswer>> = {
  'nulls only': always('$-1\r\n'),
  'a number of slots': to('cluster', ':1\r\n'),
  'slots of numbers': to('cluster', '*1\r\n:1\r\n'),
  'slots of nulls': to('cluster', '*1\r\n$-1\r\n'),
  'slots of a null node': to('cluster', range('$-1\r\n')),
  'slots of a node without a port': to('cluster', range(`*1\r\n${bulk('a')}`)),
  'slots of a node with another port': to('cluster', range(`*2\r\n${bulk('a')}:99999\r\n`)),
  'slots that are names': to('cluster', `*1\r\n*3\r\n+constructor\r\n+x\r\n*2\r\n${bulk('a')}:1\r\n`),
  '9e15 slots': to('cluster', `*1\r\n*3\r\n:0\r\n:9000000000000000\r\n*2\r\n${bulk('a')}:1\r\n`),
  'a redirection without an address': ofScripts('-MOVED 1\r\n'),
  'a redirection to no port': ofScripts('-MOVED 1 127.0.0.1:99999\r\n'),
  'a question for nobody': ofScripts('-ASK 1\r\n'),
}

const sentinels: Readonly<Record<string, StoreAnswer>> = {
  nobody: to('sentinel', '*0\r\n'),
  'no port': to('sentinel', `*1\r\n${bulk('127.0.0.1')}`),
  'no such port': to('sentinel', `*2\r\n${bulk('127.0.0.1')}${bulk('99999')}`),
  'a list of lists': to('sentinel', '*2\r\n*0\r\n*0\r\n'),
  numbers: to('sentinel', '*2\r\n:1\r\n:2\r\n'),
}

/** Opens a store at the server, sees it fail, and has the server do well from then on. */
async function survive(
  t: Test,
  server: HostileStore,
  { url, well, name }: { readonly url: string; readonly well: StoreAnswer; readonly name: string },
): Promise<string> {
  const { store, logLines } = await openTestStore(t, url)
  const works = () => store.isUp && store.isListening
  t.notOk(works(), `${name}: it does not pass for a store`)
  const before = server.countConnections()
  t.ok(before < 40, `${name}: it is not asked without a pause, but ${before} times in two seconds`)
  await until(`${name}: it is tried again`, () => server.countConnections() > before)
  const said = logLines.join('')
  server.answer = well
  server.greet = () => undefined
  await until(`${name}: a Redis is found again`, works)
  return said
}

const groups = [
  { scheme: 'redis', path: '', answers: servers, well: answerWell },
  { scheme: 'redis+cluster', path: '', answers: clusters, well: answerAsCluster },
  { scheme: 'redis+sentinel', path: '/main', answers: sentinels, well: answerAsSentinel },
] as const

for (const { scheme, path, answers, well } of groups)
  t.test(`no server at a ${scheme} URL ends the process, whatever it answers`, async (t) => {
    const surviving = Object.entries(answers).map(async ([name, answer]) => {
      const server = await startHostileStore(t)
      server.answer = answer
      const said = await survive(t, server, { url: `${scheme}://${server.host}${path}`, well, name })
      t.match(
        said,
        /what answers there is no Redis|no Sentinel names the primary/,
        `${name}: the log says so`,
      )
    })
    await Promise.all(surviving)
  })

t.test('connections that are half open, cut, or speak first end nothing either', async (t) => {
  const greetings: Readonly<Record<string, (socket: Socket) => void>> = {
    'says nothing': () => undefined,
    'closes at once': (socket) => socket.destroy(),
    'resets at once': (socket) => socket.resetAndDestroy(),
    'closes its half': (socket) => socket.end(),
    'speaks first': (socket) => socket.write('220 mail.example ESMTP\r\n'),
    'greets with a null': (socket) => socket.write('$-1\r\n'),
    'greets with half an answer': (socket) => socket.write('*3\r\n$9\r\nsubsc'),
  }
  const surviving = Object.entries(greetings).map(async ([name, greet]) => {
    const server = await startHostileStore(t)
    server.greet = greet
    server.answer = () => undefined
    const said = await survive(t, server, { url: server.url, well: answerWell, name })
    t.match(said, /the gateway starts without its store/, name)
  })
  await Promise.all(surviving)
})

t.test('what never ends is cut off, and not kept', async (t) => {
  const piece = 64 * 1_024
  const endless: Readonly<Record<string, readonly [string, string]>> = {
    'a bulk text': ['$16777217\r\n', 'x'.repeat(piece)],
    'a bulk text as large as may be': ['*9\r\n', `$4000000\r\n${'x'.repeat(4_000_000)}\r\n`],
    'a line': ['+', 'x'.repeat(piece)],
    'an array of small things': ['*99999\r\n', ':1\r\n'.repeat(piece)],
    'answers that nobody waits for': ['', '+OK\r\n'.repeat(piece)],
  }
  for (const [name, [start, more]] of Object.entries(endless)) {
    const server = await startHostileStore(t)
    let sentBytes = 0
    let cut = 0
    server.answer = (_command, socket) => {
      const go = () => {
        if (!socket.writable) return
        sentBytes += more.length
        socket.write(more, go)
      }
      socket.once('close', () => {
        cut += 1
      })
      socket.write(start, go)
      return undefined
    }
    const { store } = await openTestStore(t, server.url)
    await until(`${name} is cut off`, () => cut >= 2)
    t.ok(sentBytes / cut < 40_000_000, `${name}: ${sentBytes / cut} bytes were sent on a connection`)
    t.notOk(store.isUp)
    await store.close()
  }
})

t.test('whatever bytes a server sends, in whatever pieces, the process goes on', async () => {
  const fragment = fc.constantFrom(
    ...['+OK\r\n', '-ERR x\r\n', ':1\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '$0\r\n\r\n', '$2\r\nOK\r\n'],
    ...['*1\r\n', '*3\r\n', bulk('message'), bulk('subscribe'), bulk('unsubscribe'), '+\r\n', '_\r\n'],
    ...['>3\r\n', '%1\r\n', '\r\n', '\r', '\n', '$5\r\n', '*99\r\n', '-MOVED 1 a:1\r\n', '-NOSCRIPT x\r\n'],
  )
  const bytes = fc.array(fc.oneof({ weight: 6, arbitrary: fragment }, fc.string({ maxLength: 8 })), {
    minLength: 1,
    maxLength: 8,
  })
  const names = ['evalsha', 'publish', 'subscribe', 'ping', 'client', 'cluster', 'any'] as const
  const scheme = fc.constantFrom('redis', 'redis+cluster')
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        name: fc.constantFrom(...names),
        parts: bytes,
        pieceBytes: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
        scheme,
      }),
      async ({ name, parts, pieceBytes, scheme }) => {
        const teardown: (() => void)[] = []
        const server = await startHostileStore({ teardown: (action) => teardown.push(action as () => void) })
        server.pieceBytes = pieceBytes
        server.answer = (command, socket) =>
          name === 'any' || command[0] === name ? parts.join('') : answerAsCluster(command, socket)
        const store = new RedisStore(redisSettings(`${scheme}://${server.host}`), {
          listener: {
            commandDone: () => undefined,
            serverState: () => undefined,
            listeningState: () => undefined,
            listenerFailed: () => undefined,
          },
          random: Math.random,
          answerTimeoutMs: 80,
        })
        store.onMessage('topic', () => undefined)
        let turns = 0
        await until('it has answered', () => {
          turns += 1
          return server.countConnections() >= 3 || turns > 20
        })
        await Promise.allSettled([store.publish('topic', 'x'), store.info('memory')])
        server.answer = answerAsCluster
        server.pieceBytes = Number.POSITIVE_INFINITY
        await until('a Redis is found again', () => store.isUp && store.isListening)
        await store.close()
        for (const action of teardown) action()
      },
    ),
    { numRuns: 25 },
  )
})

t.test('a store whose scripts answer nonsense keeps no gateway from answering', async (t) => {
  const server = await startHostileStore(t)
  let nonsense: string | undefined
  server.answer = (command, socket) => {
    const isProbe = command.some((word) => word.endsWith(':probe'))
    return command[0]?.startsWith('eval') && !isProbe ? nonsense : answerWell(command, socket)
  }
  const { call } = await setScene(t, {
    config: { store: { url: server.url, prefix: 'test' } },
    routes: (to) => ({ '/api1': { to, limit: '1000/1h' } }),
  })
  const answers = [
    '+OK\r\n',
    ':1\r\n',
    '$-1\r\n',
    '*0\r\n',
    '*-1\r\n',
    '*1\r\n*1\r\n*0\r\n',
    '-ERR x\r\n',
    '-ERR\r\n',
  ]
  const longer = [
    '*3\r\n$-1\r\n$-1\r\n$-1\r\n',
    '*9\r\n'.padEnd(40, ':-9\r\n'),
    `*3\r\n${bulk('{}').repeat(3)}`,
  ]
  for (const answer of [...answers, ...longer, undefined]) {
    nonsense = answer
    for (let i = 0; i < 3; i += 1) {
      const { status } = await call('/api1', { token: i === 1 ? 'unknown' : 'good' })
      t.ok([200, 401, 429, 503].includes(status), `${JSON.stringify(answer)}: ${status}`)
    }
  }
})

t.test(
  'a mark to which the store gives no time is not told as taken, and confuses no later one',
  async (t) => {
    const server = await startHostileStore(t)
    const { store } = await openTestStore(t, server.url)
    for (const time of ['+OK\r\n', '$-1\r\n', ':-1\r\n', '*0\r\n', bulk('1e99'), bulk('0.5')]) {
      const { revocations, memory, corrupt } = createTokenNode({ provider: new MapProvider(), store })
      server.answer = (command, socket) =>
        command.some((word) => word.endsWith('revocation-marks')) ? time : answerWell(command, socket)
      const announced = revocations.announce({ target: { kind: 'all' }, effect: 'revoke' })
      await t.rejects(announced, StoreUnavailable, time)
      t.equal(memory.marks.latestMs, 0, 'no mark of the store was heard')
      t.equal(memory.marks.size, 1, 'this process heeds it all the same')
      t.ok(corrupt.count > 0)
      revocations.close()
    }
  },
)
