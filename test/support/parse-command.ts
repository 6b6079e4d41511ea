import type { Command } from 'commander'

/** A command line that the program accepts: the command's words, such as `client create`, and its options. */
export interface ParsedCommand {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Parses a command line as the program would, and runs nothing. Throws commander's error when there is no such command
 * or option, or when one is missing.
 */
export async function parseCommand(program: Command, args: readonly string[]): Promise<ParsedCommand> {
  let parsed: ParsedCommand | undefined
  const disarm = (command: Command, path: readonly string[]): void => {
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    if (command.commands.length === 0)
      command.action(() => {
        parsed = { name: path.join(' '), options: command.opts() }
      })
    for (const child of command.commands) disarm(child, [...path, child.name()])
  }
  disarm(program, [])
  await program.parseAsync(args, { from: 'user' })
  if (parsed === undefined) throw new Error(`${args.join(' ')}: names no command`)
  return parsed
}
