import { hash, randomBytes } from 'node:crypto'

/**
 * Quotas that tokens have, by kind. The world reads the kind and the client from a token's first letters; to the gateway
 * it is opaque.
 */
export const quotas = {
  /** More than any measurement uses. */
  many: 1_000_000_000,
  /** The client of the fleet's measurement. */
  hundredThousand: 100_000,
  /** Used up at once. */
  few: 40,
} as const

export type TokenKind = keyof typeof quotas

const letters: Readonly<Record<TokenKind, string>> = { many: 'm', hundredThousand: 'h', few: 'f' }

/** The letter with which tokens begin that mean nothing. */
const garbageLetter = 'g'

/** 43 characters, as an opaque token of 256 bits has. */
const tokenLength = 43

/** Makes tokens of one kind. */
export function tokensOf(kind: TokenKind): { fresh(client?: number): string } {
  return { fresh: (client = 0) => token(`${letters[kind]}${client.toString(36).padStart(6, '0')}`) }
}

export function garbageToken(): string {
  return token(garbageLetter)
}

function token(head: string): string {
  return `${head}${randomBytes(32).toString('base64url')}`.slice(0, tokenLength)
}

/** What the world says of a token, in the original platform's shape; `undefined` for garbage. */
export function meaningOf(accessToken: string): Readonly<Record<string, unknown>> | undefined {
  const kind = (Object.keys(letters) as TokenKind[]).find((name) => accessToken.startsWith(letters[name]))
  if (kind === undefined) return undefined
  const client = clientNameOf(accessToken)
  // What a client may do is the same for all its tokens, and differs from one client to the next.
  const [rolesMore = 0, scopeCount = 0] = hash('sha256', client, 'buffer')
  return {
    client,
    rateLimit: quotas[kind],
    rateLimitWindow: 3_600,
    expires: 86_400,
    roles: ['USER', ...takeFrom(furtherRoles, rolesMore)].join(','),
    scope: takeFrom(scopes, scopeCount).join(' '),
  }
}

/** The client that a token belongs to. */
export function clientNameOf(accessToken: string): string {
  return `partner-${accessToken.slice(0, 7)}`
}

const furtherRoles = ['PARTNER', 'EDITOR', 'PLAYER', 'STATISTICS'] as const
const scopes = ['programs:read', 'videos:read', 'highlights:read', 'statistics:read'] as const

function takeFrom(all: readonly string[], byte: number): readonly string[] {
  return all.slice(0, byte % (all.length + 1))
}
