import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { checkCommand } from './check.ts'
import { clientCommand } from './client.ts'
import { gatewayCommand } from './gateway.ts'
import { oauthServerCommand } from './oauth-server.ts'
import { sampleBackendsCommand } from './sample-backends.ts'
import { startCommand } from './start.ts'

/** The `passerelle` command with all its subcommands, a file each. */
export function createProgram(): Command {
  const program = new Command('passerelle')
    .description(
      'An authenticating API gateway: OAuth 2.0 tokens, quotas and roles in front of any HTTP service.',
    )
    .version(readVersion())
    .showSuggestionAfterError()
    .showHelpAfterError(
      '(passerelle --help lists the commands, passerelle COMMAND --help the options of one)',
    )
    .addCommand(startCommand())
    .addCommand(gatewayCommand())
    .addCommand(oauthServerCommand())
    .addCommand(sampleBackendsCommand())
    .addCommand(clientCommand())
    .addCommand(checkCommand())
  inheritSettings(program)
  return program
}

/** Has every subcommand answer a mistake as the program does. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) inheritSettings(command.copyInheritedSettings(parent))
}

/** The version in package.json, which lies above this file as source and one folder higher when compiled. */
function readVersion(): string {
  const folder = import.meta.filename.endsWith('.ts') ? '../' : '../../'
  const manifest: unknown = JSON.parse(
    readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8'),
  )
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : ''
}
