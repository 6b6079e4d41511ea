import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A running command, with what it has printed so far. */
export interface RunningCommand {
  readonly child: ChildProcess
  /** Both streams, in the order of arrival. */
  readonly output: () => string
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until the output matches. Rejects when the command ends before that. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** Sends a signal and waits for the end; returns the exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string | null>
  /** Waits for the end; returns the exit code. */
  readonly ended: Promise<number | string | null>
}

/** Starts `passerelle` with these arguments, as a person would; `input` is what is piped into it. */
export function runPasserelle(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input?: string,
): RunningCommand {
  const command = runCommand(process.execPath, ['cli/passerelle.ts', ...args], env)
  command.child.stdin?.end(input)
  return command
}

export function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): RunningCommand {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  // Nobody reads what a command that has ended was told.
  child.stdin.on('error', () => undefined)
  const printed = { both: '', stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      printed[name] += chunk
      printed.both += chunk
      child.emit('printed')
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  return {
    child,
    output: () => printed.both,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    ended,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(printed.both)
        if (match !== null) return match
        const event = await Promise.race([
          once(child, 'printed').then(() => 'printed'),
          ended.then(() => 'ended'),
        ])
        if (event === 'ended' && pattern.exec(printed.both) === null)
          throw new Error(`ended without ${pattern}: ${printed.both}`)
      }
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}
