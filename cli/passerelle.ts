#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { checkCommand } from './check.ts'
import { gatewayCommand } from './gateway.ts'

/** The `passerelle` command with all its subcommands, a file each. */
export function createProgram(): Command {
  return new Command('passerelle')
    .description(
      'An authenticating API gateway: OAuth 2.0 tokens, quotas and roles in front of any HTTP service.',
    )
    .version(readVersion())
    .showSuggestionAfterError()
    .showHelpAfterError(
      '(passerelle --help lists the commands, passerelle COMMAND --help the options of one)',
    )
    .addCommand(gatewayCommand())
    .addCommand(checkCommand())
}

/** The version in package.json, which lies above this file as source and one folder higher when compiled. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
        return String(manifest.version)
    } catch {
      // Not there: the other place.
    }
  }
  return 'unknown'
}

/** What a person did wrong is one line; what the program did wrong shows where. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isOurFault =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError
  return isOurFault ? (error.stack ?? error.message) : error.message
}

// Imported, as the tests do, this file starts nothing.
if (import.meta.main) {
  try {
    await createProgram().parseAsync()
  } catch (error) {
    console.error(describe(error))
    process.exitCode = 1
  }
}
