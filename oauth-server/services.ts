import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { AttemptLimit } from '../common/attempt-limit.ts'
import { ClientAddresses } from '../common/client-address.ts'
import type { Logger } from '../common/log.ts'
import { type AdminServices, createAdministration } from './admin/services.ts'
import { ClientAuthenticator } from './clients/client-authenticator.ts'
import type { OAuthServerSettings } from './config/settings.ts'
import type { AuthorizationServices } from './endpoints/authorization-services.ts'
import type { EndpointServices } from './endpoints/exchange.ts'
import { legacyGetTokenLimit } from './endpoints/legacy-get-token.ts'
import { FailedAuthentications } from './failed-authentications.ts'
import { PushMetrics } from './gateways/push-metrics.ts'
import { RevocationPush } from './gateways/revocation-push.ts'
import { AuthorizationCodes } from './grants/authorization-codes.ts'
import { AuthorizationRequests } from './grants/authorization-request.ts'
import { TokenIssuer } from './grants/token-issuer.ts'
import { KeyCipher } from './keys/key-cipher.ts'
import { findKeyEncryptionKey } from './keys/key-encryption-key.ts'
import { SigningKeys } from './keys/signing-keys.ts'
import { Metrics } from './observe/metrics.ts'
import type { Database } from './store/tables.ts'
import { ExpiredTokenSweeper } from './tokens/expired-token-sweeper.ts'
import { TokenInspector } from './tokens/token-inspector.ts'
import { TokenRevoker } from './tokens/token-revoker.ts'
import { Consents } from './users/consents.ts'
import { PasswordHasher } from './users/password-hasher.ts'
import { Sessions } from './users/sessions.ts'
import { SignIn } from './users/sign-in.ts'

/** What the parts of the server are made from. */
export interface ServerMeans {
  readonly settings: OAuthServerSettings
  readonly db: Database
  readonly now: () => number
  readonly log: Logger
  /** Where the server listens; known once it does. */
  readonly url: () => string
}

/** The parts of one server. */
export interface ServerServices {
  readonly endpoints: EndpointServices
  readonly admin: AdminServices
  readonly sweeper: ExpiredTokenSweeper
  readonly push: RevocationPush
}

/** Builds the server's parts and wires them; nothing listens or runs yet. Throws `KeyFileBroken`. */
export function createServices(given: ServerMeans): ServerServices {
  const { settings, url, ...means } = given
  const { db, now } = means
  const metrics = new Metrics()
  const issuer = () => settings.issuer ?? url()
  const inspector = new TokenInspector(db, now)
  const checkStore = () => sql`select 1`.execute(db)
  const pushMetrics = new PushMetrics(metrics.registry, () => push.countWaiting())
  const push: RevocationPush = new RevocationPush({ ...means, random: Math.random, listener: pushMetrics })
  const listener = () => push.wake()
  const keyEncryptionKey = findKeyEncryptionKey(settings)
  const signingKeys = new SigningKeys({
    ...means,
    cipher: keyEncryptionKey && new KeyCipher(keyEncryptionKey),
    algorithm: settings.signingAlgorithm,
  })
  return {
    endpoints: {
      authenticator: new ClientAuthenticator({ db, now, issuer }),
      tokenIssuer: new TokenIssuer({
        ...means,
        lifetimes: settings,
        issuer,
        signingKeys,
        random: randomBytes,
      }),
      inspector,
      authorization: createAuthorization(given),
      revoker: new TokenRevoker(db, now, listener),
      failures: new FailedAuthentications({ limits: settings.failureLimits, now, listener: metrics }),
      addresses: new ClientAddresses(settings.trustedProxies),
      metrics,
      legacyGetToken: settings.legacyGetToken && {
        ...settings.legacyGetToken,
        limit: new AttemptLimit({ ...legacyGetTokenLimit, now }),
        accessTokenLifetimeMs: settings.accessTokenLifetimeMs,
      },
      issuer,
      checkStore,
      signingKeys,
    },
    admin: {
      ...createAdministration(db, { now, random: randomBytes, listener }),
      inspector,
      issuer,
      checkStore,
      metrics,
    },
    sweeper: new ExpiredTokenSweeper(means),
    push,
  }
}

/** The parts behind the pages on which users sign in and consent. */
function createAuthorization({ settings, db, now, log }: ServerMeans): AuthorizationServices {
  const random = randomBytes
  const hasher = new PasswordHasher(random)
  return {
    requests: new AuthorizationRequests(db),
    codes: new AuthorizationCodes({ db, now, random, log }),
    signIn: new SignIn({ db, hasher }),
    sessions: new Sessions(db, { now, random, lifetimes: settings }),
    consents: new Consents(db, now),
    authorizationCodeLifetimeMs: settings.authorizationCodeLifetimeMs,
  }
}
