import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startPlatform } from '../../cli/platform.ts'
import { createLog } from '../../common/log.ts'
import { startBackendRecorder } from '../support/backend-recorder.ts'
import { runPasserelle } from '../support/command.ts'
import { databaseKinds } from '../support/databases.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { basic, type ClientWithSecret } from '../support/oauth-server.ts'
import { freeLastingPort } from '../support/ports.ts'
import { setUpServers } from '../support/server-commands.ts'
import { until } from '../support/until.ts'

const secret = 'a-secret-of-the-gateways'

async function tokenOf(client: ClientWithSecret, port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/oauth/token`, {
    method: 'POST',
    headers: basic(client),
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  return String(((await answer.json()) as { access_token?: string }).access_token)
}

async function startGateways(t: Test, port: number, { client, secret: clientSecret }: ClientWithSecret) {
  const backend = await startBackendRecorder()
  t.teardown(() => backend.close())
  const start = () =>
    startGatewayProcess(t, {
      identity: {
        verify: { url: `http://127.0.0.1:${port}/oauth/verifToken`, clientId: client.id, clientSecret },
      },
      // So long that only what is pushed can act.
      tokenCache: { ttl: '1h' },
      revocation: { secret },
      routes: { '/api': { to: backend.url } },
    })
  const gateways = await Promise.all([start(), start()])
  const call = (url: string, token: string) =>
    fetch(`${url}/api`, { headers: { authorization: `Bearer ${token}` } })
  return {
    gateways,
    targets: gateways.map(({ adminUrl }) => ({ url: adminUrl, secret })),
    statuses: (token: string) =>
      Promise.all(gateways.map(async ({ url }) => (await call(url, token)).status)),
    limits: (token: string) =>
      Promise.all(
        gateways.map(async ({ url }) => (await call(url, token)).headers.get('x-rate-limit-limit')),
      ),
  }
}

/** Revokes a token at the server itself (RFC 7009), past every gateway. */
async function revokeToken(
  url: string,
  client: { id: string; secret: string },
  token: string,
): Promise<number> {
  const body = new URLSearchParams({ token, client_id: client.id, client_secret: client.secret })
  return (await fetch(`${url}/oauth/revoke`, { method: 'POST', body })).status
}

/** Works on the database by the command line, which knows no gateway. */
async function command(t: Test, database: string, ...args: readonly string[]): Promise<void> {
  const running = runPasserelle(['client', ...args, '--database', database])
  t.equal(await running.ended, 0, `client ${args.join(' ')}: ${running.stderr()}`)
}

const same = (one: readonly unknown[], other: readonly unknown[]) =>
  JSON.stringify(one) === JSON.stringify(other)

for (const kind of await databaseKinds()) {
  // Two servers share a database where that can be.
  const serverCount = kind.name === 'Postgres' ? 2 : 1

  t.test(
    `${kind.name}: what is revoked or changed acts at both gateways, although they would not ask for an hour`,
    kind.options,
    async (t) => {
      const { url, partner, gatewayClient, startServer } = await setUpServers(t, kind)
      const { id } = partner.client
      const ports = [await freeLastingPort(), await freeLastingPort()].slice(0, serverCount)
      const [port = 0] = ports
      const { gateways, targets, statuses, limits } = await startGateways(t, port, gatewayClient)
      const servers = await Promise.all(ports.map((each) => startServer(each, targets)))
      const tokens = await Promise.all([tokenOf(partner, port), tokenOf(partner, port)])
      const [one, two] = tokens
      for (const token of tokens) t.same(await statuses(token), [200, 200])

      const credentials = { id, secret: partner.secret }
      t.equal(await revokeToken(`http://127.0.0.1:${port}`, credentials, one), 200)
      await until('both refuse it', async () => same(await statuses(one), [401, 401]))
      t.same(await statuses(two), [200, 200], 'and no other token')

      await command(t, url, 'change', id, '--rate-limit', '77')
      await until('both know the new quota', async () => same(await limits(two), ['77', '77']))

      const [frozen] = gateways
      frozen.pause()
      await command(t, url, 'change', id, '--rate-limit', '78')
      await until('the other one knows', async () => {
        const answer = await fetch(`${gateways[1].url}/api`, { headers: { authorization: `Bearer ${two}` } })
        return answer.headers.get('x-rate-limit-limit') === '78'
      })
      frozen.resume()
      await until('and so does the one that was frozen', async () => same(await limits(two), ['78', '78']))

      for (const server of servers) await server.stop('SIGKILL')
      await command(t, url, 'disable', id)
      t.same(await statuses(two), [200, 200], 'while no server runs nobody can tell them')
      await Promise.all(ports.map((each) => startServer(each, targets)))
      await until('both refuse the client', async () => same(await statuses(two), [401, 401]))
    },
  )
}

const anyPorts = { gateway: 0, admin: 0, oauthServer: 0, oauthAdmin: 0, programs: 0, openApi: 0 }

for (const [what, configLine] of [
  ['', undefined],
  [' in a data folder from before there was the option', ''],
  [
    ' with a secret that somebody has written into the configuration',
    'revocation: { secret: one-of-my-own-making }\n',
  ],
] as const)
  t.test(`a revocation acts at once in the platform of one machine${what}`, async (t) => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'passerelle-'))
    t.teardown(() => rmSync(dataFolder, { recursive: true }))
    const file = join(dataFolder, 'gateway.yaml')
    const start = () =>
      startPlatform({ dataFolder, ports: anyPorts, logLevel: 'silent' }, createLog('test', 'silent'))
    if (configLine !== undefined) {
      await (await start()).close()
      writeFileSync(file, readFileSync(file, 'utf8').replace(/^revocation: .*\n/m, configLine))
    }
    const platform = await start()
    t.teardown(() => platform.close())
    const kept = join(dataFolder, 'revocation-secret')
    t.ok(existsSync(kept))
    t.equal(statSync(kept).mode & 0o077, 0, 'nobody else can read the secret')
    const { id, secret: clientSecret } = platform.clients.demo
    const answer = await fetch(`${platform.oauthServer.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: id,
        client_secret: clientSecret,
      }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const status = async () =>
      (await fetch(`${platform.url}/api1`, { headers: { authorization: `Bearer ${token}` } })).status
    t.equal(await status(), 200)
    t.equal(await revokeToken(platform.oauthServer.url, { id, secret: clientSecret }, token), 200)
    await until('the gateway refuses it', async () => (await status()) === 401)
  })
