import { type Static, Type } from 'typebox'

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
