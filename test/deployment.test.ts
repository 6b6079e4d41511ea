/**
 * The files that put Passerelle into containers, held against the product itself: no engine runs them here, so every
 * file, command, port and variable that they name is looked up where it is defined.
 */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { createProgram } from '../cli/program.ts'
import type { ListenAddress } from '../common/listen-address.ts'
import { readGatewayConfig } from '../gateway/config/load.ts'
import { Metrics } from '../gateway/observe/metrics.ts'
import { readOAuthServerConfig } from '../oauth-server/config/settings.ts'
import { PushMetrics } from '../oauth-server/gateways/push-metrics.ts'
import { Metrics as OAuthServerMetrics } from '../oauth-server/observe/metrics.ts'
import { type ComposeService, readComposeFile } from './support/compose-file.ts'
import { type Instruction, parseDockerfile } from './support/dockerfile.ts'
import { type ParsedCommand, parseCommand } from './support/parse-command.ts'

const composeText = read('docker-compose.yml')
const { services, volumes: namedVolumes = {} } = readComposeFile('docker-compose.yml')
const ownServices = Object.entries(services).filter(([, { build }]) => build !== undefined)
const { networks } = parse(composeText)
const stages = parseDockerfile(read('Dockerfile'))
const instructions = stages.flatMap((stage) => stage.instructions)
const image = stages.at(-1)?.instructions ?? []
const manifest = JSON.parse(read('package.json'))
const buildConfig = JSON.parse(read('tsconfig.build.json'))

t.test('the build gets every file that it needs, and no other', async (t) => {
  const [denied, ...allowed] = read('.dockerignore')
    .replaceAll(/^#.*\n/gm, '')
    .trim()
    .split('\n')
  t.equal(denied, '*', 'nothing is let in unless it is named')
  const context = allowed.map((line) => line.replace(/^!/, ''))
  const needed = ['package.json', 'package-lock.json', 'tsconfig.build.json', 'tsconfig.json']
  t.same(context.toSorted(), [...needed, ...buildConfig.include].toSorted())
  for (const path of context) t.ok(existsSync(path), `${path} exists`)
})

t.test('the image copies only what exists or what a stage before it has built', async (t) => {
  for (const { flags, words } of instructions.filter(({ keyword }) => keyword === 'COPY')) {
    const sources = words.slice(0, -1)
    const stageName = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length)
    if (stageName === undefined) {
      for (const source of sources) t.ok(existsSync(source), `${source} exists`)
      continue
    }
    const stage = stages.find(({ name }) => name === stageName)?.instructions ?? []
    t.ok(stage.some(isRun('npm run build')), `the stage ${stageName} builds`)
    t.same(sources, [`${wordsOf(stage, 'WORKDIR')[0]}/${buildConfig.compilerOptions.outDir}`])
  }
})

t.test('the image runs no script of a package, and only scripts that package.json has', async (t) => {
  for (const { words } of instructions.filter(isRun('npm ci')))
    t.ok(words.includes('--ignore-scripts'), words.join(' '))
  for (const { words } of instructions.filter(isRun('npm run')))
    t.ok(words[2] !== undefined && words[2] in manifest.scripts, words.join(' '))
})

t.test('the image starts the passerelle command, on a supported Node, as an ordinary user', async (t) => {
  t.same(wordsOf(image, 'ENTRYPOINT'), ['node', manifest.bin.passerelle])
  t.same(wordsOf(image, 'USER'), ['node'])
  const oldestNode = Number(/\d+/.exec(manifest.engines.node)?.[0])
  for (const { words } of instructions.filter(({ keyword }) => keyword === 'FROM'))
    t.ok(Number(/^node:(\d+)-slim$/.exec(words[0] ?? '')?.[1]) >= oldestNode, words.join(' '))
})

t.test('every service is checked for health, by a program that its image contains', async (t) => {
  const programs: Readonly<Record<string, string>> = { redis: 'redis-cli', postgres: 'pg_isready' }
  for (const [name, { healthcheck }] of Object.entries(services)) {
    const [form, program, ...args] = healthcheck?.test ?? []
    t.equal(form, 'CMD', `${name} has a check that needs no shell`)
    t.equal(program, programs[name] ?? 'node', name)
    for (const arg of args) t.type(arg, 'string', `${name}: YAML makes a mapping of an unquoted colon`)
  }
})

t.test('every service restarts, gains no privileges, and waits for healthy services only', async (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.equal(service.restart, 'unless-stopped', name)
    t.ok(service.security_opt?.includes('no-new-privileges:true'), name)
    t.notOk(service.privileged, name)
    t.notMatch(service.user ?? '', /^(?:root|0)/, name)
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      t.ok(needed in services, `${name} waits for ${needed}, which exists`)
      t.equal(condition, 'service_healthy', `${name} waits for ${needed}`)
    }
  }
})

t.test('every mounted file exists and cannot be written, and every mounted volume is declared', async (t) => {
  for (const { volumes = [] } of Object.values(services)) {
    for (const volume of volumes) {
      const [source = '', , mode] = volume.split(':')
      if (!source.startsWith('./')) t.ok(source in namedVolumes, volume)
      else t.ok(existsSync(source) && mode === 'ro', volume)
    }
  }
})

t.test('every service of ours starts with a command that the program knows', async (t) => {
  for (const [name, { command = [] }] of ownServices) {
    const parsed = await parseCommand(await createProgram(), command)
    t.equal(parsed.name, name)
  }
})

t.test('every command that the documents run in a container is one that the program knows', async (t) => {
  for (const file of ['deploy/.env.example', 'docs/operations.md']) {
    const text = read(file).replaceAll(/\\\n#?/g, ' ')
    const commands = [...text.matchAll(/docker compose run --rm (\S+) ([^\n`|]+)/g)]
    t.ok(commands.length > 0, file)
    for (const [line, service = '', args = ''] of commands) {
      t.ok(service in services, line)
      const { options } = await parseCommand(await createProgram(), args.trim().split(/\s+/))
      t.equal(options.config, mounts(services[service])[0]?.target, line)
    }
  }
})

t.test('the operations page names the metrics of both servers, all of them and no other', async (t) => {
  const gateway = new Metrics(() => 0)
  t.teardown(() => gateway.close())
  const oauthServer = new OAuthServerMetrics()
  new PushMetrics(oauthServer.registry, async () => new Map())
  const texts = await Promise.all([gateway.render(), oauthServer.render()])
  const own = texts.join('\n').matchAll(/^# TYPE (passerelle_\w+)/gm)
  const named = read('docs/operations.md').match(/\bpasserelle_\w+(?=[` ])/g)
  t.same([...new Set(named)].toSorted(), [...own].map(([, name]) => name).toSorted())
})

t.test('both configurations are valid with no more than the variables that their service gets', async (t) => {
  const { gateway, oauthServer } = await readSettings()
  t.ok(gateway.routes.length > 0)
  t.match(gateway.store, {
    kind: 'redis',
    hosts: [{ host: 'redis', port: 6_379 }],
    password: 'value-of-REDIS_PASSWORD',
  })
  t.ok('redis' in services, 'the port is the one of the Redis image')
  const database = new URL(oauthServer.database)
  const postgres = services.postgres?.environment
  t.equal(database.host, 'postgres:5432', 'the port is the one of the Postgres image')
  t.equal(database.username, postgres?.POSTGRES_USER)
  t.equal(database.pathname, `/${postgres?.POSTGRES_DB}`)
  t.equal(database.password, 'value-of-POSTGRES_PASSWORD')
})

t.test(
  'every port that a check, a mapping or a configuration names is one that its service listens on',
  async (t) => {
    const { gateway, oauthServer, backends } = await readSettings()
    const listening: Readonly<Record<string, readonly ListenAddress[]>> = {
      gateway: [gateway.listen],
      'oauth-server': [oauthServer.listen],
      'sample-backends': [backends.options.programs, backends.options.open] as ListenAddress[],
    }
    const isReachable = (service: string, port: string, addresses = listening[service]) =>
      addresses?.some((address) => address.host === '0.0.0.0' && address.port === Number(port))

    const checked = { ...listening, gateway: [gateway.admin] }
    for (const [name, addresses] of Object.entries(checked)) {
      const urls = checkUrls(services[name])
      t.same(
        urls.map(({ port }) => Number(port)).toSorted(),
        addresses.map(({ port }) => port).toSorted(),
        name,
      )
      t.ok(
        urls.every(({ hostname }) => hostname === '127.0.0.1'),
        name,
      )
    }
    for (const [name, { ports = [] }] of ownServices)
      for (const port of ports) t.ok(isReachable(name, port.split(':').at(-1) ?? ''), `${name} ${port}`)
    const targets = [
      ...gateway.identities.flatMap((identity) => (identity.kind === 'jwt' ? [] : [identity.url])),
      ...gateway.routes.map(({ to }) => to),
    ].map((url) => new URL(url))
    for (const { hostname, port, href } of targets) t.ok(isReachable(hostname, port), href)
    for (const { hostname, port, href } of oauthServer.gateways.map(({ url }) => new URL(url)))
      t.ok(hostname === 'gateway' && isReachable(hostname, port, [gateway.admin]), href)
  },
)

t.test('only the public listeners are published, and only on this machine', async (t) => {
  const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined)
  t.same(published.map(([name]) => name).toSorted(), ['gateway', 'oauth-server'])
  for (const [name, { ports = [] }] of published)
    for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:\d+$/, name)
  const { gateway, oauthServer } = await readSettings()
  for (const { port } of [gateway.admin, oauthServer.admin])
    t.notOk(composeText.includes(`:${port}\n`), `the admin port ${port} is not published`)
  t.equal(oauthServer.admin.host, '127.0.0.1', 'the admin API stays in its container')
})

t.test('the authorization server is known by its proxy, keeps its keys, and tells the gateway', async (t) => {
  const { gateway, oauthServer } = await readSettings()
  t.equal(oauthServer.issuer, exampleOf('OAUTH_ISSUER'))
  t.equal(oauthServer.keyEncryptionKey, exampleOf('KEY_ENCRYPTION_KEY'))
  t.same(
    oauthServer.gateways.map(({ secret }) => secret),
    [gateway.revocation.secret],
  )
  const proxies = networks.default.ipam.config.map((network: { gateway: string }) => network.gateway)
  t.same(oauthServer.trustedProxies, proxies, 'what connections to a published port come from')
  t.same(gateway.trustedProxies, proxies)
})

t.test('every variable is in the example, every one there is used, and none has a value', async (t) => {
  const passedOn = Object.values(services).flatMap(({ environment = {} }) =>
    Object.keys(environment).filter((name) => environment[name] === null),
  )
  const interpolated = [...composeText.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name)
  const example = read('deploy/.env.example')
    .replaceAll(/^#.*\n/gm, '')
    .trim()
    .split(/\n+/)
  t.same(
    example.toSorted(),
    [...new Set([...passedOn, ...interpolated])].map((name) => `${name}=`).toSorted(),
  )
})

t.test('no secret has a default', async (t) => {
  for (const [variable] of composeText.matchAll(/\$\{[^}]*\}/g)) t.match(variable, /^\$\{\w+:\?[^}]+\}$/)
  for (const file of ['deploy/gateway.yaml', 'deploy/oauth-server.yaml'])
    for (const [variable] of read(file).matchAll(/\$\{[^}]*\}/g)) t.match(variable, /^\$\{\w+\}$/, file)
  for (const { environment = {} } of Object.values(services))
    for (const [name, value] of Object.entries(environment))
      if (/PASSWORD|SECRET|TOKEN|KEY/.test(name))
        t.ok(value === null || value.startsWith(`\${${name}:?`), name)
  t.notOk(
    instructions.some(({ keyword }) => keyword === 'ARG'),
    'nothing secret can be built in',
  )
})

function read(file: string): string {
  return readFileSync(file, 'utf8')
}

function isRun(command: string): (instruction: Instruction) => boolean {
  return ({ keyword, words }) => keyword === 'RUN' && words.join(' ').startsWith(command)
}

function wordsOf(instructions: readonly Instruction[], keyword: string): readonly string[] {
  return instructions.findLast((instruction) => instruction.keyword === keyword)?.words ?? []
}

/** A value that a variable could have. */
function exampleOf(name: string): string {
  if (name === 'OAUTH_ISSUER') return 'https://login.example.org'
  return name === 'KEY_ENCRYPTION_KEY' ? 'k'.repeat(43) : `value-of-${name}`
}

function mounts(service: ComposeService | undefined): { source: string; target: string }[] {
  return (service?.volumes ?? []).map((volume) => {
    const [source = '', target = ''] = volume.split(':')
    return { source, target }
  })
}

function checkUrls(service: ComposeService | undefined): URL[] {
  const test = service?.healthcheck?.test?.join(' ') ?? ''
  return [...test.matchAll(/http:\/\/[^']+/g)].map(([url]) => new URL(url))
}

/** What the services of ours run with: each configuration as its command names it, read with its variables alone. */
async function readSettings() {
  const parsed: Record<string, ParsedCommand> = {}
  for (const [name, { command = [] }] of ownServices)
    parsed[name] = await parseCommand(await createProgram(), command)
  const readWith = <T>(name: string, reader: (file: string, env: Record<string, string>) => T): T => {
    const mount = mounts(services[name]).find(({ target }) => target === parsed[name]?.options.config)
    const names = Object.keys(services[name]?.environment ?? {})
    return reader(mount?.source ?? '', Object.fromEntries(names.map((name) => [name, exampleOf(name)])))
  }
  return {
    gateway: readWith('gateway', readGatewayConfig),
    oauthServer: readWith('oauth-server', readOAuthServerConfig),
    backends: parsed['sample-backends'] as ParsedCommand,
  }
}
