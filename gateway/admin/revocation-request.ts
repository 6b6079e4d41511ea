import { isBearerToken } from '../../common/bearer-token.ts'
import type { Revocation, RevocationTarget } from '../revocation.ts'
import { AdminRefusal } from './refusal.ts'

const targets = ['token', 'token_hash', 'client', 'user', 'all']
const members = [...targets, 'expires_at', 'effect']

/**
 * Reads the short form of a revocation: an object with exactly one of `token`, `token_hash`, `client`, `user` and `all`,
 * with a `token_hash` perhaps when it `expires_at`, and perhaps an `effect`. Throws an {@link AdminRefusal} that names the member and the rule, and never what was sent.
 */
export function parseRevocation(text: string): Revocation {
  const body = parseObject(text)
  const unknown = Object.keys(body).some((name) => !members.includes(name))
  if (unknown) throw malformed(`its members may be ${members.join(', ')} only`)
  const { effect = 'revoke' } = body
  if (effect !== 'revoke' && effect !== 'refresh') throw malformed('effect must be "revoke" or "refresh"')
  return { target: parseTarget(body), effect }
}

function parseTarget(body: Readonly<Record<string, unknown>>): RevocationTarget {
  const named = targets.filter((name) => Object.hasOwn(body, name))
  if (named.length !== 1)
    throw malformed('it must have exactly one of token, token_hash, client, user and all')
  if (Object.hasOwn(body, 'expires_at') && named[0] !== 'token_hash')
    throw malformed('expires_at goes with token_hash only')
  const { token, client, user, all } = body
  switch (named[0]) {
    case 'token':
      if (typeof token !== 'string' || !isBearerToken(token))
        throw malformed('token must be an access token or a refresh token, as it is presented')
      return { kind: 'token', token }
    case 'token_hash':
      return parseTokenHash(body)
    case 'client':
      return { kind: 'client', id: parseId('client', client) }
    case 'user':
      return { kind: 'user', id: parseId('user', user) }
    default:
      if (all !== true) throw malformed('all must be true')
      return { kind: 'all' }
  }
}

/** A digest of another length or spelling would find no token, and its sender would take that for success. */
function parseTokenHash({
  token_hash: hash,
  expires_at: expiresAtS,
}: Readonly<Record<string, unknown>>): RevocationTarget {
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash))
    throw malformed('token_hash must be the SHA-256 digest of the token in hexadecimal, in lower case')
  if (expiresAtS === undefined) return { kind: 'token-hash', hash, expiresAtMs: undefined }
  if (typeof expiresAtS !== 'number' || !Number.isSafeInteger(expiresAtS) || expiresAtS < 0)
    throw malformed('expires_at must be a whole number of seconds since 1970')
  return { kind: 'token-hash', hash, expiresAtMs: expiresAtS * 1_000 }
}

function parseId(member: string, value: unknown): string {
  if (typeof value !== 'string' || !isPlainId(value))
    throw malformed(`${member} must be an id of 1 to 256 characters, none of them a control character`)
  return value
}

/** Whether a text can be the id of a client or a user. */
export function isPlainId(text: string): boolean {
  return /^\P{C}{1,256}$/u.test(text)
}

/** A member that is written twice means one thing to one reader and another to the next (RFC 8259 §4): it is refused. */
function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('it must be JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('it must be a JSON object')
  const names = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined)
  if (names.length !== Object.keys(value).length)
    throw malformed('its members must be plain, and none may be repeated')
  return { ...value }
}

function malformed(rule: string): AdminRefusal {
  return new AdminRefusal('body-malformed', rule)
}
