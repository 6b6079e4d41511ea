import { randomUUID } from 'node:crypto'
import type { Logger } from '../../common/log.ts'
import { hashCredential, mintCredential, type RandomSource } from '../credentials.ts'
import { RequestRefused, refusals } from '../errors.ts'
import { Changes } from '../store/changes.ts'
import type { Client } from '../store/client.ts'
import { CodeRepository, type StoredCode } from '../store/code-repository.ts'
import type { Database } from '../store/tables.ts'
import { TokenRepository } from '../store/token-repository.ts'
import type { User } from '../store/user-repository.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { isCodeVerifier, verifierMatches } from './code-challenge.ts'

/** What a client presents to have a code exchanged (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface PresentedCode {
  readonly client: Client
  readonly code?: string | undefined
  readonly redirectUri?: string | undefined
  readonly codeVerifier?: string | undefined
}

/** What codes are made and looked up with. */
export interface CodeMeans {
  readonly db: Database
  readonly now: () => number
  readonly random: RandomSource
  readonly log: Logger
}

/** Authorization codes: given to users' browsers, and exchanged by clients. */
export class AuthorizationCodes {
  readonly #codes: CodeRepository
  readonly #means: CodeMeans

  constructor(means: CodeMeans) {
    this.#codes = new CodeRepository(means.db)
    this.#means = means
  }

  /** Makes a code for what the user has granted; it lives `lifetimeMs`. */
  async issue(request: AuthorizationRequest, user: User, lifetimeMs: number): Promise<string> {
    const code = mintCredential('pac', this.#means.random)
    await this.#codes.insert({
      hash: hashCredential(code),
      clientId: request.client.id,
      userId: user.id,
      redirectUri: request.isRedirectUriNamed ? request.redirectUri : null,
      codeChallenge: request.codeChallenge,
      scope: request.scope,
      audience: request.audience,
      familyId: randomUUID(),
      expiresAt: this.#means.now() + lifetimeMs,
    })
    return code
  }

  /**
   * The code that a client presents, held against everything that it is bound to; it is not used up yet. What fails
   * leaves the code as it is: its 60 seconds are too short to guess 256 bits, and whoever has caught it without the
   * verifier cannot take it from its owner. One that comes with everything right but was used before has two holders,
   * and what it was exchanged for is revoked (RFC 6749 §4.1.2). Throws {@link RequestRefused}.
   */
  async accept(presented: PresentedCode): Promise<StoredCode> {
    const { client, code, redirectUri, codeVerifier } = presented
    if (code === undefined || (codeVerifier !== undefined && !isCodeVerifier(codeVerifier)))
      throw new RequestRefused(refusals.missingParameter)
    const stored = await this.#codes.find(hashCredential(code))
    if (stored === undefined || stored.clientId !== client.id) throw new RequestRefused(refusals.invalidGrant)
    if (stored.redirectUri !== null && redirectUri === undefined)
      throw new RequestRefused(refusals.missingParameter)
    if (!isRightRedirectUri(stored, presented) || !isRightVerifier(stored, codeVerifier))
      throw new RequestRefused(refusals.invalidGrant)
    if (stored.consumedAt !== null) await this.#revokeReplayed(stored)
    if (stored.consumedAt !== null || stored.expiresAt <= this.#means.now())
      throw new RequestRefused(refusals.invalidGrant)
    return stored
  }

  /** After an exchange that did not succeed: when another one was faster, the code was presented twice. */
  async revokeIfReplayed({ hash }: StoredCode): Promise<void> {
    const stored = await this.#codes.find(hash)
    if (stored !== undefined && stored.consumedAt !== null) await this.#revokeReplayed(stored)
  }

  async #revokeReplayed({ familyId, clientId }: StoredCode): Promise<void> {
    const { db, now } = this.#means
    await new Changes(db, now).make({ id: clientId, address: null }, async (change) => {
      if (!(await new TokenRepository(change.db).revokeFamily(familyId, change.now))) return
      change.affects({ kind: 'family', id: familyId }, 'revoke')
      const detail = { reason: 'an authorization code came back', familyId }
      await change.audit({ action: 'tokens.revoked', target: `client:${clientId}`, detail })
    })
    this.#means.log.warn(
      { client_id: clientId },
      'an authorization code came back: all tokens that it was exchanged for are revoked',
    )
  }
}

/** Sign by sign what the authorization request named; where it named none, what the client has registered will do. */
function isRightRedirectUri(stored: StoredCode, { redirectUri, client }: PresentedCode): boolean {
  if (stored.redirectUri !== null) return redirectUri === stored.redirectUri
  return redirectUri === undefined || client.redirectUris.includes(redirectUri)
}

function isRightVerifier({ codeChallenge }: StoredCode, verifier: string | undefined): boolean {
  return verifier !== undefined && verifierMatches(verifier, codeChallenge)
}
