import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Credentials } from '../../cli/data-folder.ts'
import { type Platform, startPlatform } from '../../cli/platform.ts'
import { captureLog } from './captured-log.ts'
import { runPasserelle } from './command.ts'

/** The whole platform on free ports, with its log; it ends with the test. */
export interface PlatformUnderTest extends Platform {
  readonly logLines: string[]
  /** A token of the demo partner, or of another client. */
  getToken(client?: Credentials): Promise<string>
  /** Makes a client as an administrator does, while everything runs. */
  createClient(options: readonly string[]): Promise<Credentials>
  /** Sub-requests that the identity provider has answered. */
  countSubRequests(): number
}

const anyPorts = { gateway: 0, admin: 0, oauthServer: 0, oauthAdmin: 0, programs: 0, openApi: 0 }

export async function startTestPlatform(t: Test): Promise<PlatformUnderTest> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'passerelle-'))
  const { lines, log } = captureLog()
  const platform = await startPlatform({ dataFolder, ports: anyPorts, logLevel: 'info' }, log)
  t.teardown(async () => {
    await platform.close()
    rmSync(dataFolder, { recursive: true })
  })
  return {
    ...platform,
    logLines: lines,
    async getToken({ id, secret } = platform.clients.demo) {
      const answer = await fetch(`${platform.oauthServer.url}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      const { access_token } = (await answer.json()) as { access_token: string }
      return access_token
    },
    async createClient(options) {
      const database = `sqlite:${join(dataFolder, 'oauth-server.db')}`
      const command = runPasserelle([
        'client',
        'create',
        ...options,
        '--create-roles',
        '--database',
        database,
        '--json',
      ])
      await command.ended
      const { client_id, client_secret } = JSON.parse(command.stdout())
      return { id: client_id, secret: client_secret }
    },
    countSubRequests: () => lines.filter((line) => line.includes('/oauth/verifToken')).length,
  }
}
