import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificates } from './certificates.ts'
import { freeLastingPort } from './ports.ts'
import { type RedisAccess, type RedisPlan, RedisProcess } from './redis-process.ts'

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
export async function startRedis(t: Test, options: RedisServerOptions = {}): Promise<RedisServer> {
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
function makeFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-redis-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
