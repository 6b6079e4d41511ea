import { decodeJwt } from 'jose'
import { hashCredential } from '../credentials.ts'
import type { Client } from '../store/client.ts'
import type { Database } from '../store/tables.ts'
import { type ActiveAccessToken, TokenRepository } from '../store/token-repository.ts'

/** What a usable access token stands for. */
export interface InspectedToken extends ActiveAccessToken {
  readonly remainingMs: number
  /** Whom it acts for: its user, or else its client. */
  readonly subject: string
  /** What a JWT says of itself besides; `undefined` for an opaque token. */
  readonly jwtId?: string | undefined
}

/** Who asks what a token stands for. */
type Asker = Pick<Client, 'audiences'>

/** Tells what an access token stands for: the one engine behind verifToken and introspection. */
export class TokenInspector {
  readonly #tokens: TokenRepository
  readonly #now: () => number

  constructor(db: Database, now: () => number) {
    this.#tokens = new TokenRepository(db)
    this.#now = now
  }

  /**
   * What the token stands for; `undefined` when it is unknown, expired, revoked or a refresh token, and when it is not for
   * the one who asks: a client with audiences sees the tokens for these, and those that are for no resource in particular
   * (RFC 7662 §4). A client without audiences, such as a gateway's, sees all.
   */
  async inspect(token: string, asker: Asker): Promise<InspectedToken | undefined> {
    const now = this.#now()
    const found = await this.#tokens.findActiveAccessToken(hashCredential(token), now)
    if (found === undefined || !isFor(found, asker)) return undefined
    return {
      ...found,
      ...(found.keyId !== null && jwtFacts(token)),
      remainingMs: found.expiresAt - now,
      subject: found.userId ?? found.clientId,
    }
  }
}

function isFor({ audience }: ActiveAccessToken, { audiences }: Asker): boolean {
  return audiences.length === 0 || audience.length === 0 || audience.some((uri) => audiences.includes(uri))
}

/** The token is one of ours to the letter, because its hash is: what it says needs no verification. */
function jwtFacts(token: string) {
  const { jti, aud = [] } = decodeJwt(token)
  return { jwtId: jti, audience: [aud].flat() }
}
