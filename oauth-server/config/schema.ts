import { type Static, Type } from 'typebox'
import { Gateways } from './gateway-options.ts'

const count = (byDefault: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: byDefault, description })

const FailedAuthentications = Type.Object(
  {
    window: Type.String({
      format: 'duration',
      default: '1m',
      description: 'In how long failures are counted; from 1s to 24h.',
    }),
    perClientAndAddress: count(10, 'Failures of one client, or user, from one address.'),
    perAddress: count(50, 'Failures from one address, whoever it claims to be.'),
    perClient: count(
      200,
      'Failures of one client, or user, from all addresses. An address that has authenticated as that client in the last 24 hours goes on, so that nobody locks a client out from elsewhere.',
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'How many authentications may fail before further ones are refused by 429, unheard, until the window ends. IPv6 addresses are counted by their first 64 bits. Successes are never counted. Each process counts by itself.',
  },
)

/** Every option of the authorization server. An option's description is its manual. */
export const oauthServerSchema = Type.Object(
  {
    listen: Type.String({
      format: 'listen-address',
      default: '127.0.0.1:8081',
      description: 'The address and port to listen on. Port 0 lets the system choose one.',
      danger:
        'The server speaks plain HTTP, and clients send their secrets to it: listen on a private address, and let a proxy that speaks TLS stand before it.',
    }),
    admin: Type.String({
      format: 'listen-address',
      default: '127.0.0.1:8091',
      description:
        'The address and port of the admin listener: the admin API, which describes itself at /openapi.json, health and metrics. Port 0 lets the system choose one. It is never that of clients.',
      danger:
        'Whoever reaches it and holds a token with the scope admin can do everything: keep it where administrators are, and never let a public proxy pass requests on to it.',
    }),
    issuer: Type.Optional(
      Type.String({
        format: 'http-url',
        description:
          'The URL by which clients know this server, exactly as they compare it (RFC 8414 §2): in its metadata, in JWT access tokens and in answers to users’ browsers. Left out, it is the address that the server listens on, which is for trying things out on one machine.',
      }),
    ),
    database: Type.String({
      format: 'database-url',
      default: 'sqlite:.data/oauth-server.db',
      secret: true,
      description:
        'Where clients and tokens are kept: sqlite:FILE for a file of this machine, made when it is missing, or postgres://USER:PASSWORD@HOST:PORT/DATABASE for a database that several servers can share. Tables are made and brought up to date at start. sqlite::memory: forgets everything at the end and is for trying things out.',
      danger:
        'A Postgres URL holds a password: take it from an environment variable rather than writing it into the file.',
    }),
    accessTokenLifetime: Type.String({
      format: 'duration',
      default: '1h',
      description: 'How long an access token can be used after it was issued; from 1s to 366d.',
      danger: 'A stolen access token works until it expires. Prefer hours to days.',
    }),
    refreshTokenLifetime: Type.String({
      format: 'duration',
      default: '14d',
      description:
        'How long a refresh token can be used after it was issued; from 1s to 366d. Each use gives a new one with the full lifetime, so that only a client which stays away for longer must begin again.',
    }),
    refreshTokenMaxLifetime: Type.String({
      format: 'duration',
      default: '90d',
      description:
        'How long a client can go on refreshing after it first got a refresh token; from 1s to 366d, and no shorter than refreshTokenLifetime. After it, the client begins again, and so does its user.',
    }),
    refreshTokenReuseGrace: Type.String({
      format: 'duration',
      default: '10s',
      description:
        'How long a used refresh token may come back without harm; from 0s to 1m. It is refused in any case. Within this time it is taken for a client that lost an answer or refreshes twice at once; after it for a stolen one, and all tokens that descend from the same grant are revoked.',
      danger:
        'For so long a thief who uses a stolen refresh token at the same time as its owner is not noticed.',
    }),
    signingAlgorithm: Type.Enum(['ES256', 'EdDSA'], {
      default: 'ES256',
      description:
        'By which algorithm JWT access tokens are signed. It holds for keys made from now on: passerelle keys rotate brings it into use.',
    }),
    keyEncryptionKey: Type.Optional(
      Type.String({
        format: 'key-256',
        secret: true,
        description:
          'Encrypts the private signing keys in the database, so that nobody who reads the database can sign; the same on every server. With SQLite it is kept in a file beside the database when it is left out (its name ends in .key, made when missing); with Postgres it is needed as soon as JWT access tokens are to be issued.',
        danger:
          'Take it from an environment variable, and keep a copy apart from the database’s: where it is lost, a new signing key must be made by passerelle keys rotate --immediately, and JWTs that were issued before are refused.',
      }),
    ),
    authorizationCodeLifetime: Type.String({
      format: 'duration',
      default: '60s',
      description:
        'How long a client has to exchange an authorization code, after the user’s browser was sent back to it; from 1s to 10m (RFC 6749 §4.1.2).',
      danger: 'A code passes through the browser: the longer it lives, the more a stolen one is worth.',
    }),
    sessionIdleTimeout: Type.String({
      format: 'duration',
      default: '1h',
      description:
        'How long a user stays signed in at this server without using it; from 1m to 366d. It is kept to the minute. Tokens that clients hold do not depend on it.',
    }),
    sessionLifetime: Type.String({
      format: 'duration',
      default: '12h',
      description: 'After how long a user has to sign in again in any case; from 1m to 366d.',
    }),
    trustedProxies: Type.Array(Type.String({ format: 'network' }), {
      default: [],
      maxItems: 100,
      description:
        'Addresses or networks (such as 10.0.0.0/8) of the proxies in front of the server. Of a request that comes from one, the client’s address is the last in `X-Forwarded-For` that is none of them, and `X-Forwarded-Proto` tells whether the client spoke TLS.',
      danger: 'Whoever sends from there can claim any address.',
    }),
    failedAuthentications: FailedAuthentications,
    legacyGetToken: Type.Boolean({
      default: false,
      description:
        'Whether clients that are allowed to may still ask for a token by GET with their credentials in the URL, as the original platform had it: `GET /oauth/token?client_id=…&client_secret=…&grant_type=credentials`. Only over TLS, which a trusted proxy must vouch for.',
      danger:
        'The access logs of every proxy on the way will hold the clients’ secrets. Allow it to single clients, for as long as they need to move to POST.',
    }),
    legacyGetTokenSunset: Type.String({
      format: 'date',
      default: '2027-12-31',
      description:
        'The day on which token requests by GET are to end, told to those who send them (`Sunset`, RFC 8594). Nothing ends by itself.',
    }),
    gateways: Gateways,
    logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      default: 'info',
      description:
        'The least important messages that are logged. At info there is one line a request; at warn only what somebody should look at.',
    }),
  },
  { additionalProperties: false },
)

/** The configuration as it is written. */
export type OAuthServerConfig = Static<typeof oauthServerSchema>
