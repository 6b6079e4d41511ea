import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import {
  AbstractConnector,
  type CommonRedisOptions,
  type SentinelConnectionOptions,
  SentinelConnector,
  type StandaloneConnectionOptions,
} from 'ioredis'
import { ReplyGuard, type ReplyPurpose } from './reply-guard.ts'

type ServerOptions = StandaloneConnectionOptions & CommonRedisOptions
type Stream = Socket | TLSSocket

/** Makes the connections of a client to the one server of its options. */
export function serverConnector(purpose: ReplyPurpose): new (options: unknown) => AbstractConnector {
  return class extends AbstractConnector {
    readonly #options: ServerOptions

    constructor(options: unknown) {
      const server = options as ServerOptions
      super(server.disconnectTimeout ?? 0)
      this.#options = server
    }

    /** The client puts its listeners on as soon as this resolves: before that, nothing may happen on the stream. */
    override async connect(): Promise<Stream> {
      this.connecting = true
      await Promise.resolve()
      if (!this.connecting) throw new Error('the connection was closed before it was made')
      const { host = '127.0.0.1', port = 6_379, tls } = this.#options
      const stream = tls === undefined ? connect({ host, port }) : connectTls({ host, port, ...tls })
      stream.once('error', (error) => {
        this.firstError = error
      })
      this.stream = stream
      return guarded(stream, purpose)
    }
  }
}

/** Makes the connections of a client to the primary that its Sentinels name. */
export function primaryConnector(purpose: ReplyPurpose): new (options: unknown) => AbstractConnector {
  return class extends SentinelConnector {
    constructor(options: unknown) {
      super(options as SentinelConnectionOptions & { disconnectTimeout: number })
      const open = Reflect.get(this, 'connectToSentinel') as (endpoint: unknown, more?: object) => unknown
      // The one way to the Sentinels' own clients, which get none of this client's options.
      Reflect.set(this, 'connectToSentinel', (endpoint: unknown, more?: object) =>
        open.call(this, endpoint, { ...more, Connector: serverConnector('commands') }),
      )
    }

    override async connect(emit: Parameters<SentinelConnector['connect']>[0]): Promise<Stream> {
      return guarded(await super.connect(emit), purpose)
    }
  }
}

/** Puts a guard before whatever reads the stream; what it refuses ends the connection. */
function guarded(stream: Stream, purpose: ReplyPurpose): Stream {
  const guard = new ReplyGuard(purpose)
  const push = stream.push.bind(stream)
  stream.push = (chunk: Buffer | null, encoding) => {
    try {
      if (chunk !== null) guard.read(chunk)
    } catch (error) {
      stream.destroy(error as Error)
      return false
    }
    return push(chunk, encoding)
  }
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  stream.write = (...args: unknown[]) => {
    // The client writes each command by itself.
    guard.expectReply()
    return write(...args)
  }
  return stream
}
