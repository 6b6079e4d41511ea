import { hashCredential } from '../credentials.ts'
import type { Database } from '../store/tables.ts'
import { type ActiveAccessToken, TokenRepository } from '../store/token-repository.ts'

/** What a usable access token stands for. */
export interface InspectedToken extends ActiveAccessToken {
  readonly remainingMs: number
}

/** Tells what an access token stands for: the one engine behind verifToken and introspection. */
export class TokenInspector {
  readonly #tokens: TokenRepository
  readonly #now: () => number

  constructor(db: Database, now: () => number) {
    this.#tokens = new TokenRepository(db)
    this.#now = now
  }

  /** What the token stands for; `undefined` when it is unknown, expired, revoked or a refresh token. */
  async inspect(token: string): Promise<InspectedToken | undefined> {
    const now = this.#now()
    const found = await this.#tokens.findActiveAccessToken(hashCredential(token), now)
    return found && { ...found, remainingMs: found.expiresAt - now }
  }
}
