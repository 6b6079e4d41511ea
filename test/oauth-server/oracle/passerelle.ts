import type { Test } from 'tap'
import type { NewClient } from '../../../oauth-server/clients/client-registry.ts'
import { makeClientKey } from '../../support/assertions.ts'
import {
  publicClient,
  resourceServer,
  startTestServer,
  type TestServer,
  tester,
} from '../../support/oauth-server.ts'
import { createUser, UserBrowser, webApplication } from '../../support/user-browser.ts'
import { type ClientName, films, type KnownClient, type KnownClients, type Side, series } from './sides.ts'

const scopes = ['user', 'stats']
const audiences = [films, series]

/** The clients as this house registers them; `jwks` is of the one that has a key. */
const wantedClients = (jwks: string): Readonly<Record<ClientName, Partial<NewClient>>> => ({
  service: { scopes, audiences, authMethod: 'client_secret_basic' },
  poster: { scopes, authMethod: 'client_secret_post' },
  web: { ...webApplication, audiences, authMethod: 'client_secret_basic' },
  other: {
    ...webApplication,
    authMethod: 'client_secret_basic',
    redirectUris: ['https://other.example/done', 'https://other.example/also'],
  },
  player: { ...publicClient, scopes },
  keyed: { scopes, authMethod: 'private_key_jwt', jwks },
  gateway: { ...resourceServer, authMethod: 'client_secret_basic' },
})

/** This house's server, and the clients that the other one is to know too. */
export async function startPasserelle(t: Test): Promise<Side> {
  // The grace for clients that lost an answer is ours alone.
  const server = await startTestServer(t, { refreshTokenReuseGraceMs: 0 })
  const { user } = await createUser(server)
  const key = await makeClientKey()
  return {
    name: 'passerelle',
    url: server.url,
    clients: await createClients(server, key.jwks),
    key,
    authorize: async (query) => {
      const browser = new UserBrowser(server)
      await browser.holdSession(user.id)
      const page = await browser.authorize(query)
      const answer =
        page.location === null ? await browser.submit(page, 'consent', { decision: 'allow' }) : page
      return new URL(answer.location ?? '').searchParams
    },
  }
}

async function createClients(server: TestServer, jwks: string): Promise<KnownClients> {
  // Makes the resources, which every client below may then name.
  const { client: model } = await server.create({ audiences })
  const made: Partial<Record<ClientName, KnownClient>> = {}
  for (const [name, wanted] of Object.entries(wantedClients(jwks))) {
    const details = { ...model, audiences: [], name, ...wanted }
    const { client, secret = '' } = await server.registry.create(details, tester, { createRoles: true })
    const { id, scopes, grantTypes, redirectUris, authMethod } = client
    made[name as ClientName] = { id, secret, scopes, grantTypes, redirectUris, authMethod }
  }
  return made as KnownClients
}
