import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { searchPath } from './needed-programs.ts'
import { cores } from './stage.ts'

const run = promisify(execFile)

interface LoadPlan {
  readonly url: string
  readonly seconds: number
  readonly connections: number
  /** A Lua script that makes the requests, and its arguments; `undefined` for GETs of the URL. */
  readonly script?: readonly string[] | undefined
  /** Ends the load early. */
  readonly signal: AbortSignal
}

/** What the load generator saw. */
export interface LoadReport {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number
}

/** Loads a URL with wrk, as fast as it answers. */
export async function load({ url, seconds, connections, script, signal }: LoadPlan): Promise<LoadReport> {
  const args = [
    '-c',
    String(cores.others),
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    ...(script === undefined ? [url] : ['-s', ...script.slice(0, 1), url, '--', ...script.slice(1)]),
  ]
  const { stdout } = await run('taskset', args, { signal, env: { ...process.env, PATH: searchPath } })
  return readReport(stdout)
}

function readReport(text: string): LoadReport {
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const refusals = /Non-2xx or 3xx responses: (\d+)/.exec(text)
  const failed = [...(socketErrors?.slice(1) ?? []), refusals?.[1] ?? '0']
  return {
    requests: Number(find(text, /(\d+) requests in/)[1]),
    requestsPerSecond: Number(find(text, /Requests\/sec:\s+([\d.]+)/)[1]),
    p50Ms: milliseconds(find(text, /50%\s+([\d.]+)(us|ms|s)/)),
    p99Ms: milliseconds(find(text, /99%\s+([\d.]+)(us|ms|s)/)),
    errors: failed.reduce((sum, count) => sum + Number(count), 0),
  }
}

function find(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text)
  if (match === null) throw new Error(`wrk said something else than expected:\n${text}`)
  return match
}

const unitsInMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

function milliseconds([, amount, unit = 'ms']: RegExpExecArray): number {
  return Number(amount) * (unitsInMs[unit] ?? 1)
}
