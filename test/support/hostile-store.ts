import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Gives the bytes to answer a command with; `undefined` for none. */
export type StoreAnswer = (command: readonly string[], socket: Socket) => string | Buffer | undefined

/** A server at a store's URL that answers as a test wants it to. */
export interface HostileStore {
  readonly host: string
  readonly url: string
  /** How many connections have been made. */
  countConnections(): number
  answer: StoreAnswer
  /** What is done with each new connection before anything is read; nothing by default. */
  greet: (socket: Socket) => void
  /** In how large pieces answers are sent; in one by default. */
  pieceBytes: number
}

/** Listens on a port of its own; closed with the test, or by whoever calls `close`. */
export async function startHostileStore(t: Pick<Test, 'teardown'>): Promise<HostileStore> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end())
    socket.setNoDelay(true)
    store.greet(socket)
    const readCommands = commandReader()
    socket.on('data', (chunk) => {
      for (const command of readCommands(chunk)) send(socket, store.answer(command, socket), store.pieceBytes)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const store: HostileStore = {
    host,
    url: `redis://${host}`,
    countConnections: () => connections,
    answer: answerWell,
    greet: () => undefined,
    pieceBytes: Number.POSITIVE_INFINITY,
  }
  return store
}

function send(socket: Socket, answer: string | Buffer | undefined, pieceBytes: number): void {
  if (answer === undefined || !socket.writable) return
  const bytes = Buffer.from(answer)
  for (let at = 0; at < bytes.length; at += Math.min(pieceBytes, bytes.length))
    socket.write(bytes.subarray(at, at + pieceBytes))
}

/** As much of a Redis as a store needs to be up and to hear messages: its own, on the connection that subscribes. */
export const answerWell: StoreAnswer = ([name = '', ...args], socket) => {
  switch (name.toLowerCase()) {
    case 'subscribe':
      subscribers.add(socket)
      return args
        .map((channel, index) => `*3\r\n${bulk('subscribe')}${bulk(channel)}:${index + 1}\r\n`)
        .join('')
    case 'publish': {
      const [channel = '', message = ''] = args
      const port = socket.localPort
      for (const subscriber of subscribers)
        if (subscriber.destroyed) subscribers.delete(subscriber)
        else if (subscriber.localPort === port)
          subscriber.write(`*3\r\n${bulk('message')}${bulk(channel)}${bulk(message)}`)
      return ':1\r\n'
    }
    case 'ping':
      return subscribers.has(socket) ? `*2\r\n${bulk('pong')}${bulk('')}` : '+PONG\r\n'
    case 'info':
      return bulk('maxmemory:0\r\n')
    default:
      return '+OK\r\n'
  }
}

const subscribers = new Set<Socket>()

/** A bulk string (RESP2). */
export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** Takes commands out of what a client sends, which is well-formed. */
function commandReader(): (chunk: Buffer) => string[][] {
  let text = ''
  return (chunk) => {
    text += chunk.toString('latin1')
    const commands: string[][] = []
    for (;;) {
      const read = readCommand(text)
      if (read === undefined) return commands
      commands.push(read.command)
      text = text.slice(read.end)
    }
  }
}

function readCommand(text: string): { readonly command: string[]; readonly end: number } | undefined {
  const [head, count] = /^\*(\d+)\r\n/.exec(text) ?? []
  if (head === undefined) return undefined
  const command: string[] = []
  let at = head.length
  for (let index = 0; index < Number(count); index += 1) {
    const [prefix, length] = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20)) ?? []
    if (prefix === undefined) return undefined
    const start = at + prefix.length
    at = start + Number(length) + 2
    if (text.length < at) return undefined
    command.push(text.slice(start, at - 2))
  }
  return { command, end: at }
}
