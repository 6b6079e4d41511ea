import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'

/** A service or program that some tests need and that a machine may lack. */
export interface NeededService {
  readonly name: string
  /** The line that gets it on Debian. */
  readonly install: string
  isThere(): Promise<boolean>
}

/** Postgres, by default the local one; `PASSERELLE_TEST_POSTGRES` names another. */
export const postgresUrl =
  process.env.PASSERELLE_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/postgres'

export const postgres: NeededService = {
  name: 'PostgreSQL',
  install: 'apt-get install -y postgresql && pg_ctlcluster 15 main start',
  isThere: () => accepts(new URL(postgresUrl)),
}

/** The Redis that tests start, kill and freeze: the program named by `PASSERELLE_TEST_REDIS`, else a Valkey or a Redis. */
export const redisProgram =
  process.env.PASSERELLE_TEST_REDIS ?? findProgram('valkey-server') ?? 'redis-server'

export const redisServer: NeededService = program('a Redis server', 'apt-get install -y redis-server', [
  redisProgram,
  '--version',
])

export const openssl: NeededService = program('openssl', 'apt-get install -y openssl', ['openssl', 'version'])

export const sqlite3: NeededService = program('sqlite3', 'apt-get install -y sqlite3', [
  'sqlite3',
  '--version',
])

export const pgDump: NeededService = program('pg_dump', 'apt-get install -y postgresql-client', [
  'pg_dump',
  '--version',
])

export const nginx: NeededService = program('nginx', 'apt-get install -y nginx', ['nginx', '-v'])

export const python3: NeededService = program('python3', 'apt-get install -y python3', [
  'python3',
  '--version',
])

export const gunicorn: NeededService = program('gunicorn', 'apt-get install -y gunicorn', [
  'gunicorn',
  '--version',
])

export const curl: NeededService = program('curl', 'apt-get install -y curl', ['curl', '--version'])

/** The Python whose libraries are Debian's packages, whichever Python the path names. */
export const debianPython = '/usr/bin/python3'

export const requestsOAuthlib: NeededService = program(
  'requests-oauthlib',
  'apt-get install -y python3-requests-oauthlib',
  [debianPython, '-c', 'import requests_oauthlib'],
)

/** The browser of the journeys: the program named by `PASSERELLE_TEST_CHROMIUM`, else a Chromium or a Chrome. */
export const chromiumProgram =
  process.env.PASSERELLE_TEST_CHROMIUM ??
  findProgram('chromium') ??
  findProgram('chromium-browser') ??
  findProgram('google-chrome') ??
  'chromium'

export const chromium: NeededService = program('Chromium', 'apt-get install -y chromium', [
  chromiumProgram,
  '--version',
])

export const npmRegistry: NeededService = program('the npm registry', 'connect this machine to it', [
  'npm',
  'view',
  'commander',
  'version',
  '--fetch-retries=0',
])

/**
 * The options for a test that needs a service: where the service is missing the test is skipped with a line that says
 * what to install. Where `PASSERELLE_REQUIRE_SERVICES` is set, as CI does, a missing service is an error instead.
 */
export async function needs(service: NeededService): Promise<{ skip?: string }> {
  if (await service.isThere()) return {}
  const line = `${service.name} is missing; to run this test: ${service.install}`
  if (process.env.PASSERELLE_REQUIRE_SERVICES) throw new Error(line)
  return { skip: line }
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

function program(name: string, install: string, command: readonly [string, ...string[]]): NeededService {
  return {
    name,
    install,
    isThere: async () => {
      try {
        execFileSync(command[0], command.slice(1), { stdio: 'ignore', timeout: 20_000 })
        return true
      } catch {
        return false
      }
    },
  }
}

function accepts(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), timeout: 2_000 })
    const settle = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}
