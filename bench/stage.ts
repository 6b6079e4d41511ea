import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { searchPath } from './needed-programs.ts'

/** Contestants have core 0 for themselves; the load generator and all that stands behind them share core 1. */
export const cores = { contestants: 0, others: 1 } as const

interface StagedProcess {
  readonly name: string
  readonly core: number
  readonly command: readonly string[]
}

const rivalsFolder = join(import.meta.dirname, 'rivals')

/** How long a process has to answer its first request, on a busy machine, and how long to end when it is told to. */
const startTimeoutMs = 30_000
const endTimeoutMs = 5_000

/** A temporary folder and the processes that run in it. Closing it ends them, by their ids, and removes the folder. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'passerelle-bench-'))
  readonly #processes = new Map<string, ChildProcess>()

  /** Starts a process on one core; what it prints goes to a file, as its log would. Returns the process's id. */
  start({ name, core, command }: StagedProcess): number {
    const output = openSync(this.#outputOf(name), 'w')
    // taskset becomes the command, so that the id is the command's own.
    const child = spawn('taskset', ['-c', String(core), ...command], {
      cwd: this.folder,
      env: { ...process.env, PATH: searchPath },
      stdio: ['ignore', output, output],
    })
    this.#processes.set(name, child)
    if (child.pid === undefined) throw new Error(`${name} did not start`)
    return child.pid
  }

  /** Starts nginx with a configuration of bench/rivals, in which words between at-signs are filled in. */
  startNginx(name: string, core: number, words: Readonly<Record<string, string | number>>): number {
    const all: Record<string, string | number> = {
      ...words,
      NAME: name,
      FOLDER: this.folder,
      RIVALS: rivalsFolder,
    }
    const template = readFileSync(join(rivalsFolder, `${name}.conf`), 'utf8')
    const text = template.replace(/@([A-Z_]+)@/g, (_, word: string) => String(all[word]))
    const file = join(this.folder, `${name}.conf`)
    writeFileSync(file, text)
    // Workers keep the user who runs the bench: another could read neither the folder nor the Lua files.
    const directives = `daemon off; user ${userInfo().username};`
    return this.start({ name, core, command: ['nginx', '-c', file, '-p', this.folder, '-g', directives] })
  }

  write(fileName: string, text: string): string {
    const file = join(this.folder, fileName)
    writeFileSync(file, text)
    return file
  }

  /** Waits until the process answers with 200. Rejects with what it printed when it does not. */
  async untilItAnswers(name: string, url: string): Promise<Response> {
    const endMs = Date.now() + startTimeoutMs
    while (Date.now() < endMs && this.#processes.get(name)?.exitCode === null) {
      const response = await fetch(url).catch(() => undefined)
      if (response?.status === 200) return response
      await wait(100)
    }
    throw new Error(`${name} does not answer:\n${readFileSync(this.#outputOf(name), 'utf8').slice(-2_000)}`)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map(end))
    rmSync(this.folder, { recursive: true, force: true })
  }

  #outputOf(name: string): string {
    return join(this.folder, `${name}.out`)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const hurry = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs)
  await ended
  clearTimeout(hurry)
}
