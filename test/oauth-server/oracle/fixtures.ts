import { randomUUID } from 'node:crypto'
import { makeClientKey, signAssertion } from '../../support/assertions.ts'
import { challengeOf, verifier } from '../../support/user-browser.ts'
import { type ClientName, films, type Side } from './sides.ts'

/** Makes on a server what a request of the corpus names in braces. */
type Fixture = (side: Side) => string | Promise<string>

interface Place {
  readonly side: Side
  readonly path: string
  /** `web` where nobody is said. */
  readonly as?: ClientName
  /** 200 where nothing is said. */
  readonly status?: number
}

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** Throws where the server's answer is not the one that the fixture builds on. */
async function post(
  { side, path, as = 'web', status = 200 }: Place,
  form: Readonly<Record<string, string>>,
): Promise<Tokens> {
  const { id, secret } = side.clients[as]
  const isPublic = secret === ''
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const body = new URLSearchParams({ ...form, ...(isPublic && { client_id: id }) })
  const headers = isPublic ? {} : { authorization: basic }
  const response = await fetch(side.url + path, { method: 'POST', body, headers })
  const text = await response.text()
  if (response.status !== status) throw new Error(`${side.name}, ${path}: ${response.status} ${text}`)
  return (text === '' ? {} : JSON.parse(text)) as Tokens
}

async function obtainCode(side: Side, name: ClientName, more: Readonly<Record<string, string>> = {}) {
  const { id, redirectUris } = side.clients[name]
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: id,
    redirect_uri: redirectUris[0] ?? '',
    scope: 'user stats',
    state: 'state',
    code_challenge: challengeOf(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  const answer = await side.authorize(query)
  const code = answer.get('code')
  if (code === null) throw new Error(`no code of ${side.name}: ${answer}`)
  return code
}

/** Exchanges a code, and is refused it where `status` says so. */
function exchange(side: Side, code: string, { as = 'web', status = 200 }: Partial<Place> = {}) {
  const redirectUri = side.clients[as].redirectUris[0] ?? ''
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier }
  return post({ side, path: '/oauth/token', as, status }, { ...form, redirect_uri: redirectUri })
}

const tokensOf = async (side: Side, as: ClientName = 'web') =>
  exchange(side, await obtainCode(side, as), { as })

const refresh = (side: Side, token: string, status = 200) =>
  post({ side, path: '/oauth/token', status }, { grant_type: 'refresh_token', refresh_token: token })

/** The tokens that came out of a family in which something was used twice. */
async function afterReplay(side: Side, what: 'code' | 'refresh token'): Promise<Tokens> {
  const code = await obtainCode(side, 'web')
  const first = await exchange(side, code)
  if (what === 'code') {
    await exchange(side, code, { status: 400 })
    return first
  }
  const second = await refresh(side, first.refresh_token)
  await refresh(side, first.refresh_token, 400)
  return second
}

async function revoked(side: Side, what: 'access_token' | 'refresh_token'): Promise<Tokens> {
  const tokens = await tokensOf(side)
  await post({ side, path: '/oauth/revoke' }, { token: tokens[what] })
  return tokens
}

function assertion(side: Side, changes: Readonly<Record<string, unknown>> = {}, key = side.key.privateKey) {
  const { id } = side.clients.keyed
  const nowS = Math.floor(Date.now() / 1_000)
  const right = { iss: id, sub: id, aud: side.url, iat: nowS, exp: nowS + 60, jti: randomUUID() }
  return signAssertion({ ...right, ...changes }, key)
}

async function usedAssertion(side: Side): Promise<string> {
  const used = await assertion(side)
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion: used,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  const response = await fetch(`${side.url}/oauth/token`, { method: 'POST', body })
  if (response.status !== 200) throw new Error(`${side.name} refused an assertion: ${response.status}`)
  return used
}

const pastS = () => Math.floor(Date.now() / 1_000) - 3_600

export const fixtures: Readonly<Record<string, Fixture>> = {
  verifier: () => verifier,
  challenge: () => challengeOf(verifier),
  code: (side) => obtainCode(side, 'web'),
  'code of player': (side) => obtainCode(side, 'player'),
  'code for films': (side) => obtainCode(side, 'web', { resource: films }),
  'code for user': (side) => obtainCode(side, 'web', { scope: 'user' }),
  'used code': async (side) => {
    const code = await obtainCode(side, 'web')
    await exchange(side, code)
    return code
  },
  'refresh token': async (side) => (await tokensOf(side)).refresh_token,
  'refresh token of player': async (side) => (await tokensOf(side, 'player')).refresh_token,
  'refresh token for user': async (side) =>
    (await exchange(side, await obtainCode(side, 'web', { scope: 'user' }))).refresh_token,
  'refresh token for films': async (side) =>
    (await exchange(side, await obtainCode(side, 'web', { resource: films }))).refresh_token,
  'used refresh token': async (side) => {
    const { refresh_token: token } = await tokensOf(side)
    await refresh(side, token)
    return token
  },
  'refresh token after its code was replayed': async (side) =>
    (await afterReplay(side, 'code')).refresh_token,
  'refresh token after an older one was replayed': async (side) =>
    (await afterReplay(side, 'refresh token')).refresh_token,
  'access token': async (side) => (await tokensOf(side)).access_token,
  'access token of player': async (side) => (await tokensOf(side, 'player')).access_token,
  'access token after its code was replayed': async (side) => (await afterReplay(side, 'code')).access_token,
  'access token after a refresh token was replayed': async (side) =>
    (await afterReplay(side, 'refresh token')).access_token,
  'revoked access token': async (side) => (await revoked(side, 'access_token')).access_token,
  'revoked refresh token': async (side) => (await revoked(side, 'refresh_token')).refresh_token,
  'access token whose refresh token was revoked': async (side) =>
    (await revoked(side, 'refresh_token')).access_token,
  'refresh token whose access token was revoked': async (side) =>
    (await revoked(side, 'access_token')).refresh_token,
  assertion: (side) => assertion(side),
  'assertion for elsewhere': (side) => assertion(side, { aud: 'https://elsewhere.example' }),
  'assertion for the token endpoint': (side) => assertion(side, { aud: `${side.url}/oauth/token` }),
  'assertion for two': (side) => assertion(side, { aud: [side.url, 'https://elsewhere.example'] }),
  'expired assertion': (side) => assertion(side, { iat: pastS() - 60, exp: pastS() }),
  'assertion without jti': (side) => assertion(side, { jti: undefined }),
  'assertion without exp': (side) => assertion(side, { exp: undefined }),
  'assertion of another subject': (side) => assertion(side, { sub: 'another' }),
  'assertion by another key': async (side) => assertion(side, {}, (await makeClientKey()).privateKey),
  'used assertion': usedAssertion,
}

/** What stands for a name in braces: a client's id, its secret, or what was made for this one request. */
export async function resolveName(side: Side, name: string): Promise<string> {
  const [, clientName = '', isSecret] = /^(\w+)( secret)?$/.exec(name) ?? []
  if (Object.hasOwn(side.clients, clientName)) {
    const { id, secret } = side.clients[clientName as ClientName]
    return isSecret === undefined ? id : secret
  }
  const fixture = fixtures[name]
  if (fixture === undefined) throw new Error(`the corpus names {${name}}, which nobody makes`)
  return fixture(side)
}
