import { readFileSync } from 'node:fs'
import { Command } from 'commander'

/** Every command, in the order of the help. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).startCommand(),
  gateway: async () => (await import('./gateway.ts')).gatewayCommand(),
  'oauth-server': async () => (await import('./oauth-server.ts')).oauthServerCommand(),
  'sample-backends': async () => (await import('./sample-backends.ts')).sampleBackendsCommand(),
  client: async () => (await import('./client.ts')).clientCommand(),
  resource: async () => (await import('./resource.ts')).resourceCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  token: async () => (await import('./token.ts')).tokenCommand(),
  user: async () => (await import('./user.ts')).userCommand(),
  role: async () => (await import('./role.ts')).roleCommand(),
  plan: async () => (await import('./plan.ts')).planCommand(),
  admin: async () => (await import('./admin.ts')).adminCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  migrate: async () => (await import('./migrate.ts')).migrateCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
}

/**
 * The `passerelle` command with its subcommands, a file each. Where the one that is meant is named, only that one is loaded:
 * together they are the whole platform, which takes longer to load than most commands take to run.
 */
export async function createProgram(meant?: string): Promise<Command> {
  const program = new Command('passerelle')
    .description(
      'An authenticating API gateway: OAuth 2.0 tokens, quotas and roles in front of any HTTP service.',
    )
    .version(readVersion())
    .showSuggestionAfterError()
    .showHelpAfterError(
      '(passerelle --help lists the commands, passerelle COMMAND --help the options of one)',
    )
  const names = meant !== undefined && Object.hasOwn(commands, meant) ? [meant] : Object.keys(commands)
  for (const load of names.map((name) => commands[name])) if (load) program.addCommand(await load())
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
