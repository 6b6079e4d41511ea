import { type Static, Type } from 'typebox'

const backendUrl = {
  format: 'http-url',
  description:
    'Where requests of this route go: an http or https URL. A path in it is put before the request path. Certificates of https backends are verified.',
}

const ProviderMembers = {
  url: Type.String({ format: 'http-url', description: 'URL of the endpoint that is asked.' }),
  clientId: Type.String({ minLength: 1, description: 'Id of the client as which the gateway asks.' }),
  clientSecret: Type.String({
    minLength: 1,
    secret: true,
    description:
      'Secret of that client, sent by HTTP Basic. Keep it in the environment and name the variable here.',
  }),
}

const Identity = Type.Object(
  {
    verify: Type.Optional(
      Type.Union(
        [Type.String({ format: 'http-url' }), Type.Object(ProviderMembers, { additionalProperties: false })],
        {
          description:
            'The sub-request of the original platform: `GET URL?access_token=…` answers 200 with `client`, `rateLimit`, `expires` and `roles`. A URL, or an object with `url`, `clientId` and `clientSecret` for a provider that wants to know who asks.',
        },
      ),
    ),
    introspect: Type.Optional(
      Type.Object(ProviderMembers, {
        additionalProperties: false,
        description:
          'Token introspection after RFC 7662: an object with `url`, `clientId` and `clientSecret`.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Who says what a token means: exactly one of `verify` and `introspect`. Needed by every route with a token.',
  },
)

const Route = Type.Object(
  {
    to: Type.String(backendUrl),
    auth: Type.Enum(['token', 'none'], {
      default: 'token',
      description:
        'Whether the route needs an access token. `none` opens it to everybody: no token, no quota, no roles.',
      danger: 'With `none` nobody is asked who they are.',
    }),
    roles: Type.Array(Type.String({ format: 'role' }), {
      default: [],
      maxItems: 50,
      description: 'The client must have at least one of these roles. Empty: any valid token will do.',
    }),
    scopes: Type.Array(Type.String({ format: 'scope' }), {
      default: [],
      maxItems: 50,
      description: 'The token must carry all of these scopes.',
    }),
    queryToken: Type.Boolean({
      default: false,
      description:
        'Whether the token may also come as `?access_token=…`. It is taken out of the URL before anything logs or forwards it.',
      danger: 'URLs end up in browser histories and in the logs of whatever stands in front of the gateway.',
    }),
    limit: Type.Optional(
      Type.String({
        format: 'quota',
        description:
          'Quota of each client on this route, such as `1000/1h`, where the identity provider names none for the client. Without either, requests are not counted.',
      }),
    ),
    stripPrefix: Type.Boolean({
      default: false,
      description: 'Whether the path of the route is taken off before the request is forwarded.',
    }),
    passAuthorization: Type.Boolean({
      default: false,
      description: 'Whether the client’s `Authorization` header reaches the backend.',
      danger: 'The backend then sees credentials with which it can act as the client.',
    }),
  },
  { additionalProperties: false },
)

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

const TokenCache = Type.Object(
  {
    ttl: duration(
      '60s',
      'Longest time for which the answer of the identity provider is reused; never longer than the token lives. A revoked token works at most this long.',
    ),
    maxTokens: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      default: 100_000,
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
    store: Type.Enum(['memory'], {
      default: 'memory',
      description: 'Where quotas and tokens are kept. `memory`: in this process alone.',
    }),
    identity: Type.Optional(Identity),
    headers: Headers,
    timeouts: Timeouts,
    tokenCache: TokenCache,
    logLevel: Type.Enum(['silent', 'error', 'warn', 'info', 'debug'], {
      default: 'info',
      description: 'What is logged. `info` writes a line a request.',
    }),
    routes: Type.Record(Type.String(), Route, {
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
