import type { Revocation } from '../revocation.ts'
import { parseMark } from './redis-token-cache.ts'
import { type Mark, nameOf } from './revocation-marks.ts'
import { fromText, type TokenKey, toText } from './token-hash.ts'
import type { RevokedBy } from './token-memory.ts'

/** What one process tells the others of a revocation. */
export type RevocationMessage =
  | { readonly kind: 'mark'; readonly mark: Mark }
  | {
      readonly kind: 'token'
      /** One for each identity provider. */
      readonly keys: readonly TokenKey[]
      readonly effect: Revocation['effect']
      /** How long the revocation is to be remembered. */
      readonly lastingMs: number
      readonly by: RevokedBy
    }

/** More than any gateway sends; what is longer is not looked at. */
const maxLength = 16_384

/** The tokens are named by their digests. */
export function writeRevocationMessage(message: RevocationMessage, from: string): string {
  return JSON.stringify(
    message.kind === 'mark'
      ? { from, mark: nameOf(message.mark), at: message.mark.atMs }
      : {
          from,
          effect: message.effect,
          tokens: message.keys.map(toText),
          for: message.lastingMs,
          by: message.by,
        },
  )
}

/** Reads a message; `undefined` for what no gateway has sent. */
export function parseRevocationMessage(
  text: string,
): { readonly from: string; readonly message: RevocationMessage } | undefined {
  if (text.length > maxLength) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { from, ...members } = value as Readonly<Record<string, unknown>>
    const message = 'mark' in members ? toMark(members) : toTokens(members)
    return message === undefined || typeof from !== 'string' ? undefined : { from, message }
  } catch {
    return undefined
  }
}

function toMark({ mark: name, at }: Readonly<Record<string, unknown>>): RevocationMessage | undefined {
  if (typeof name !== 'string' || typeof at !== 'number') return undefined
  const mark = parseMark(name, at)
  return mark && { kind: 'mark', mark }
}

function toTokens(members: Readonly<Record<string, unknown>>): RevocationMessage | undefined {
  const { effect, tokens, for: lastingMs, by = 'announced' } = members
  if ((effect !== 'revoke' && effect !== 'refresh') || !Array.isArray(tokens)) return undefined
  if (by !== 'announced' && by !== 'passed-through') return undefined
  if (typeof lastingMs !== 'number' || !(lastingMs > 0) || tokens.length > 100) return undefined
  const keys = tokens.map((token) => (typeof token === 'string' ? fromText(token) : undefined))
  return keys.every((key) => key !== undefined) ? { kind: 'token', keys, effect, lastingMs, by } : undefined
}
