import { request } from 'node:http'
import { pino } from 'pino'
import type { Logger } from '../../../common/log.ts'
import type { RunningServer } from '../../../common/running-server.ts'
import {
  type ProgramsSettings,
  startOpenApi as startOpen,
  startPrograms as startProgramApi,
} from '../../../sample-backends/main.ts'

const listen = { host: '127.0.0.1', port: 0 }

/** The moment at which the tests' clock stands. */
export const noon = new Date('2026-03-01T12:00:00.000Z')

/** What a server under test needs of a tap test. */
interface Teardown {
  teardown(close: () => Promise<void>): void
}

interface AnsweredRequest {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A resource as the tests read it; the shape itself is held by `documentFaults`. */
export interface TestResource {
  readonly type: string
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly relationships: Readonly<Record<string, { data?: unknown }>>
}

export interface TestDocument {
  readonly data: readonly TestResource[]
  readonly included?: readonly TestResource[]
  readonly links: Readonly<Record<string, string | null>>
  readonly meta: { readonly total: number }
  readonly errors: readonly {
    status: string
    code: string
    detail: string
    source?: { parameter?: string }
  }[]
}

export async function startPrograms(
  t: Teardown,
  settings: Partial<ProgramsSettings> = {},
  log: Logger = pino({ level: 'silent' }),
): Promise<RunningServer> {
  const started = await startProgramApi(
    { listen, rolesHeader: 'X-Roles', database: ':memory:', now: () => noon, ...settings },
    log,
  )
  t.teardown(() => started.close())
  return started
}

export async function startOpenApi(t: Teardown): Promise<RunningServer> {
  const started = await startOpen({ listen }, pino({ level: 'silent' }))
  t.teardown(() => started.close())
  return started
}

/** Sends a request whose target reaches the server as it is written here, without a client's tidying up. */
export function ask(
  server: RunningServer,
  target: string,
  { method = 'GET', content = '', ...headers }: Readonly<Record<string, string>> = {},
): Promise<AnsweredRequest> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: target, method, headers }, async (response) => {
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
    })
    sent.on('error', reject).end(content)
  })
}

export async function askAsUser(server: RunningServer, target: string): Promise<TestDocument> {
  return JSON.parse((await ask(server, target, { 'X-Roles': 'USER' })).text)
}

export async function askAsEditor(server: RunningServer, target: string): Promise<TestDocument> {
  return JSON.parse((await ask(server, target, { 'X-Roles': 'EDITOR' })).text)
}

/** Follows `next` from this page to the last, and returns all pages. */
export async function walk(
  askPage: (target: string) => Promise<TestDocument>,
  target: string,
): Promise<readonly TestDocument[]> {
  const pages: TestDocument[] = []
  for (let next: string | null | undefined = target; next; next = pages.at(-1)?.links.next)
    pages.push(await askPage(next))
  return pages
}
