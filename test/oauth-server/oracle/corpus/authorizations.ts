import { json } from './parts.ts'
import type { RequestGroup } from './request-group.ts'

const link = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const right: Readonly<Record<string, string | undefined>> = {
    response_type: 'code',
    client_id: '{web}',
    redirect_uri: 'https%3A%2F%2Fapp.example%2Fdone',
    scope: 'user',
    state: 'a+state',
    code_challenge: '{challenge}',
    code_challenge_method: 'S256',
    ...changes,
  }
  const given = Object.entries(right).filter(([, value]) => value !== undefined)
  return given.map(([name, value]) => `${name}=${value}`).join('&')
}

const links: Readonly<Record<string, string>> = {
  authorization: link(),
  'authorization without a scope': link({ scope: undefined }),
  'authorization without a state': link({ state: undefined }),
  'authorization with an unknown parameter': link({ colour: 'blue' }),
  'authorization of an unknown client': link({ client_id: 'nobody' }),
  'authorization without a client': link({ client_id: undefined }),
  'authorization with the client twice': `${link()}&client_id={web}`,
  'authorization with a client of wrong signs': link({ client_id: '%00' }),
  'authorization without a redirect URI': link({ redirect_uri: undefined }),
  'authorization without a redirect URI of two': link({ client_id: '{other}', redirect_uri: undefined }),
  'authorization to elsewhere': link({ redirect_uri: 'https%3A%2F%2Felsewhere.example%2Fdone' }),
  'authorization to a longer path': link({ redirect_uri: 'https%3A%2F%2Fapp.example%2Fdone%2Fmore' }),
  'authorization to the path in capitals': link({ redirect_uri: 'https%3A%2F%2Fapp.example%2FDONE' }),
  'authorization to the host in capitals': link({ redirect_uri: 'https%3A%2F%2FAPP.example%2Fdone' }),
  'authorization with a query more': link({ redirect_uri: 'https%3A%2F%2Fapp.example%2Fdone%3Fx%3Dy' }),
  'authorization with a fragment more': link({ redirect_uri: 'https%3A%2F%2Fapp.example%2Fdone%23x' }),
  'authorization without TLS': link({ redirect_uri: 'http%3A%2F%2Fapp.example%2Fdone' }),
  'authorization with a user in the host': link({
    redirect_uri: 'https%3A%2F%2Fapp.example%40elsewhere.example%2Fdone',
  }),
  'authorization to a script': link({ redirect_uri: 'javascript%3Aalert(1)' }),
  'authorization with the redirect URI twice': `${link()}&redirect_uri=https%3A%2F%2Fapp.example%2Fdone`,
  'authorization without a response type': link({ response_type: undefined }),
  'authorization for a token': link({ response_type: 'token' }),
  'authorization for code and token': link({ response_type: 'code+token' }),
  'authorization for nonsense': link({ response_type: 'magic' }),
  'authorization with the response type twice': `${link()}&response_type=code`,
  'authorization with the state twice': `${link()}&state=another`,
  'authorization with the scope twice': `${link()}&scope=stats`,
  'authorization without a challenge': link({ code_challenge: undefined, code_challenge_method: undefined }),
  'authorization with a method but no challenge': link({ code_challenge: undefined }),
  'authorization with a challenge but no method': link({ code_challenge_method: undefined }),
  'authorization with a plain challenge': link({ code_challenge_method: 'plain' }),
  'authorization with an unknown method': link({ code_challenge_method: 's256' }),
  'authorization with a short challenge': link({ code_challenge: 'short' }),
  'authorization with a challenge of wrong signs': link({ code_challenge: '!'.repeat(43) }),
  'authorization with a challenge that is padded': link({ code_challenge: '{challenge}%3D' }),
  'authorization beyond the client’s scope': link({ scope: 'introspect' }),
  'authorization with an unknown scope': link({ scope: 'admin' }),
  'authorization with a malformed scope': link({ scope: 'us%22er' }),
  'authorization for a resource': link({ resource: 'https%3A%2F%2Ffilms.example%2F' }),
  'authorization for an unknown resource': link({ resource: 'https%3A%2F%2Felsewhere.example%2F' }),
  'authorization for a relative resource': link({ resource: 'films' }),
  'authorization for a resource with a fragment': link({ resource: 'https%3A%2F%2Ffilms.example%2F%23x' }),
  'authorization in silence': link({ prompt: 'none' }),
  'authorization in silence and not': link({ prompt: 'none+login' }),
  'authorization with an unknown prompt': link({ prompt: 'magic' }),
  'authorization by fragment': link({ response_mode: 'fragment' }),
  'authorization by an unknown mode': link({ response_mode: 'magic' }),
  'authorization by a request object': link({ request: 'x.y.z' }),
  'authorization by a request URI': link({ request_uri: 'https%3A%2F%2Felsewhere.example%2Frequest' }),
  'authorization of a client that may not': link({ client_id: '{service}' }),
  'authorization with a broken percent sign': link({ state: '%zz' }),
  'authorization with a NUL in the state': link({ state: '%00' }),
}

export const authorizations: readonly RequestGroup[] = [
  { to: '/oauth/authorize', method: 'GET', requests: links },
  { to: '/oauth/authorize', method: 'GET', requests: { 'authorization of nothing': '' } },
  { to: '/oauth/authorize', method: 'PUT', requests: { 'authorization by PUT': link() } },
  { to: '/oauth/authorize', contentType: json, requests: { 'authorization in JSON': '{}' } },
]
