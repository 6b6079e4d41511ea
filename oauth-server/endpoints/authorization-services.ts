import type { AuthorizationCodes } from '../grants/authorization-codes.ts'
import type { AuthorizationRequests } from '../grants/authorization-request.ts'
import type { Consents } from '../users/consents.ts'
import type { Sessions } from '../users/sessions.ts'
import type { SignIn } from '../users/sign-in.ts'

/** What the pages on which users sign in and consent work with. */
export interface AuthorizationServices {
  readonly requests: AuthorizationRequests
  readonly codes: AuthorizationCodes
  readonly signIn: SignIn
  readonly sessions: Sessions
  readonly consents: Consents
  readonly authorizationCodeLifetimeMs: number
}
