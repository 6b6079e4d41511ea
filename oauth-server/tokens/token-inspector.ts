import { hashCredential } from '../credentials.ts'
import type { Database } from '../store/tables.ts'
import { type ActiveAccessToken, TokenRepository } from '../store/token-repository.ts'

/** Tells what an access token stands for: the one engine behind verifToken and introspection. */
export class TokenInspector {
  readonly #tokens: TokenRepository
  readonly #now: () => number

  constructor(db: Database, now: () => number) {
    this.#tokens = new TokenRepository(db)
    this.#now = now
  }

  /** What a usable access token stands for; `undefined` when it is unknown, expired, revoked or a refresh token. */
  inspect(token: string): Promise<ActiveAccessToken | undefined> {
    return this.#tokens.findActiveAccessToken(hashCredential(token), this.#now())
  }
}
