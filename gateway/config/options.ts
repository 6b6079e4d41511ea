import { type Static, Type } from 'typebox'
import { IdentityProviderOptions } from './identity-options.ts'
import { RouteOptions } from './route-options.ts'

const Headers = Type.Object(
  {
    roles: Type.String({
      format: 'header-name',
      default: 'X-Roles',
      description: 'Header in which a backend gets the roles, sorted and separated by commas.',
    }),
    client: Type.String({
      format: 'header-name',
      default: 'X-Client-Id',
      description: 'Header in which a backend gets the id of the client.',
    }),
    scope: Type.String({
      format: 'header-name',
      default: 'X-Scope',
      description: 'Header in which a backend gets the scopes of the token, separated by spaces.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'Names of the identity headers. A client’s own headers of these names, in every spelling, never reach a backend.',
  },
)

const duration = (value: string, description: string) =>
  Type.String({ format: 'duration', default: value, unit: 'duration', description })

const timeout = (value: string, description: string) =>
  Type.String({ format: 'timeout', default: value, unit: 'duration', description })

const Timeouts = Type.Object(
  {
    identity: timeout(
      '900ms',
      'Longest wait for the identity provider’s whole answer; after it the client gets 503.',
    ),
    connect: timeout('2s', 'Longest wait for a connection to a backend; after it the client gets 504.'),
    head: timeout('30s', 'Longest wait for the head of a backend’s response; after it the client gets 504.'),
    idle: timeout(
      '30s',
      'Longest pause in a response body, of the backend in sending it or of the client in taking it; after it the connection to the client is cut.',
    ),
    request: timeout(
      '5m',
      'Longest time in which a client may send a whole request; after it the client gets 408.',
    ),
    keepAlive: timeout('75s', 'How long an idle connection of a client is kept.'),
    shutdown: timeout('10s', 'How long requests under way may go on when the gateway is told to stop.'),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How long the gateway waits, for each thing it waits for.',
  },
)

const Store = Type.Object(
  {
    url: Type.String({ format: 'store-url', secret: true, description: 'The URL, as above.' }),
    prefix: Type.Optional(
      Type.String({
        format: 'plain-name',
        description:
          'What every key and channel begins with, by default `passerelle`. Gateways with the same prefix share what they count.',
      }),
    ),
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'File with the certificates that sign the server’s, for TLS with a private authority.',
      }),
    ),
    sentinelUsername: Type.Optional(Type.String({ minLength: 1, description: 'ACL user of the Sentinels.' })),
    sentinelPassword: Type.Optional(
      Type.String({ minLength: 1, secret: true, description: 'Password of the Sentinels.' }),
    ),
  },
  { additionalProperties: false },
)

const Revocation = Type.Object(
  {
    secret: Type.Optional(
      Type.String({
        minLength: 16,
        secret: true,
        description:
          'What a caller of the revocation endpoint (`POST /revocations` on the admin listener) sends as Bearer token. Without it the endpoint takes Security Event Tokens of known transmitters only.',
      }),
    ),
    transmitters: Type.Array(
      Type.Object(
        {
          issuer: Type.String({ format: 'http-url', description: 'What `iss` of its events must be.' }),
          audience: Type.String({ minLength: 1, description: 'What `aud` of its events must be.' }),
          jwks: Type.String({ format: 'http-url', description: 'URL of the keys that sign its events.' }),
        },
        { additionalProperties: false },
      ),
      {
        default: [],
        maxItems: 20,
        description:
          'Who may push Security Event Tokens (RFC 8417, RFC 8935) to `POST /events` on the admin listener.',
      },
    ),
    blindTtl: duration(
      '30s',
      'How long an answer about a token is believed while the gateway cannot hear of revocations because the store is gone; then it is asked for again.',
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'How the gateway learns that a token is revoked, or that a client’s roles or quota have changed.',
  },
)

const TokenLookUps = Type.Object(
  {
    perAddress: Type.String({
      format: 'quota',
      default: '300/1s',
      description:
        'Most unknown tokens from one address for which an identity provider is asked; beyond it, 429. One that turns out valid is not counted; one that does not counts ten times, or, where the quota is below 300, as a thirtieth of it, and at least once. A JWT is checked here, without asking, and not counted.',
    }),
    total: Type.String({
      format: 'quota',
      default: '1000/1s',
      description:
        'Most tokens for which one process asks an identity provider; beyond it, 503. A fifth is kept for tokens that were good before, or have just been issued.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How far tokens that the gateway does not know may burden the identity provider.',
  },
)

const TokenCache = Type.Object(
  {
    ttl: duration(
      '60s',
      'Longest time for which the answer of the identity provider is reused; never longer than the token lives. A token that is revoked without the gateway being told works at most this long.',
    ),
    negativeTtl: duration(
      '5s',
      'How long the provider’s answer that a token is not valid is reused; 0s to ask each time.',
    ),
    staleIfError: duration(
      '60s',
      'How long after its `ttl` an answer is still used while the provider cannot be asked; never past the token’s end.',
    ),
    maxTokens: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      default: 200_000,
      unit: 'tokens',
      description:
        'Most tokens kept; beyond it one that was not used lately is forgotten, and asked for again when it comes back.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'What the gateway remembers of tokens.' },
)

/** Every option of the gateway's configuration file. `docs/configuration.md` and the JSON Schema are made from this. */
export const gatewayConfigSchema = Type.Object(
  {
    listen: Type.String({
      format: 'listen-address',
      default: '127.0.0.1:8080',
      description: 'Address on which clients reach the gateway.',
    }),
    admin: Type.String({
      format: 'listen-address',
      default: '127.0.0.1:8090',
      description: 'Address of the second listener, for health and metrics.',
      danger: 'It asks nobody who they are: keep it on an address that only operators reach.',
    }),
    store: Type.Union([Type.String({ format: 'store-url', secret: true }), Store], {
      default: 'memory',
      description:
        'Where quotas and tokens are kept. `memory`: in this process alone. A URL of a Redis or Valkey, which all gateway processes share: `redis://HOST:PORT`, `redis+sentinel://HOST:PORT,HOST:PORT/PRIMARY` or `redis+cluster://HOST:PORT,HOST:PORT`; `rediss` for TLS, `USER:PASSWORD@` before the hosts for an ACL user. Or an object with `url` and what the URL cannot say.',
    }),
    trustedProxies: Type.Array(Type.String({ format: 'network' }), {
      default: [],
      maxItems: 100,
      description:
        'Addresses or networks (such as 10.0.0.0/8) of the balancers in front of the gateway. Of a request that comes from one, the client’s address is the last in `X-Forwarded-For` that is none of them, and its scheme the `http` or `https` of `X-Forwarded-Proto`.',
      danger: 'Whoever sends from there can claim any address, and to have come by TLS.',
    }),
    identity: Type.Optional(IdentityProviderOptions),
    identityProviders: Type.Record(Type.String(), IdentityProviderOptions, {
      default: {},
      maxProperties: 20,
      propertyNames: { format: 'plain-name' },
      description:
        'Further identity providers, by a name under which routes choose them. Clients and users of two providers are counted apart, whatever they are called.',
    }),
    headers: Headers,
    rateLimitFields: Type.Enum(['both', 'x-rate-limit', 'ratelimit'], {
      default: 'both',
      description:
        'The header fields that tell clients what is left: `x-rate-limit` as the original platform had them, `ratelimit` for `RateLimit` and `RateLimit-Policy` of the IETF draft, or both.',
    }),
    timeouts: Timeouts,
    tokenCache: TokenCache,
    tokenLookUps: TokenLookUps,
    revocation: Revocation,
    logLevel: Type.Enum(['silent', 'error', 'warn', 'info', 'debug'], {
      default: 'info',
      description: 'What is logged. `info` writes a line a request.',
    }),
    routes: Type.Record(Type.String(), RouteOptions, {
      minProperties: 1,
      propertyNames: { format: 'path-prefix' },
      description:
        'The APIs, by the path at which they begin. `/api1` serves `/api1` and everything below it, not `/api10`; of several that match, the longest wins.',
    }),
  },
  { additionalProperties: false },
)

/** The configuration file, with its defaults filled in. */
export type GatewayConfig = Static<typeof gatewayConfigSchema>

/** An identity provider, as the file describes it. */
export type ProviderConfig = NonNullable<GatewayConfig['identity']>

/** A route, as the file describes it. */
export type RouteConfig = GatewayConfig['routes'][string]

/** A limit of a route's own, as the file describes it. */
export type LimitConfig = Exclude<NonNullable<RouteConfig['limit']>, string | readonly unknown[]>

/** A store that a URL alone cannot describe. */
export type StoreConfig = Exclude<GatewayConfig['store'], string>
