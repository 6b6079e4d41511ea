import { Type } from 'typebox'

const backendUrl = {
  format: 'http-url',
  description:
    'Where requests of this route go: an http or https URL. A path in it is put before the request path. Certificates of https backends are verified.',
}

const Limit = Type.Object(
  {
    quota: Type.String({
      format: 'quota',
      description:
        'Requests in a window, such as `20/1s`. With `gcra`: the steady rate, at which a request comes free after the other.',
    }),
    algorithm: Type.Optional(
      Type.Enum(['fixed-window', 'gcra'], {
        description:
          '`fixed-window` (the default): a window begins with the first request in it. `gcra`: a steady rate with a burst, without the two windows’ worth that can meet at a window’s edge.',
      }),
    ),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        unit: 'requests',
        description: 'With `gcra`: how many requests may come at once; by default those of one window.',
      }),
    ),
    by: Type.Optional(
      Type.Enum(['client', 'user', 'address'], {
        description:
          'Who is counted: each client (the default where the route needs a token), each user of a token that names one and else its client, or each address (the default where it needs none; an IPv6 network of 64 bits counts as one).',
      }),
    ),
    applies: Type.Optional(
      Type.Enum(['always', 'without-own-quota'], {
        description:
          '`always` (the default): counted beside the client’s own quota. `without-own-quota`: only for clients for which the identity provider names no quota, which is what a plain text such as `1000/1h` means.',
      }),
    ),
    mode: Type.Optional(
      Type.Enum(['enforce', 'shadow'], {
        description:
          '`shadow` counts and reports who would have been refused, and refuses nobody: try a limit out with it.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** What may be said of an API behind the gateway. */
export const RouteOptions = Type.Object(
  {
    to: Type.String(backendUrl),
    auth: Type.Enum(['token', 'none'], {
      default: 'token',
      description:
        'Whether the route needs an access token. `none` opens it to everybody: no token, no roles.',
      danger: 'With `none` nobody is asked who they are.',
    }),
    identity: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name of the identity provider, of those in `identityProviders`; by default `identity`.',
      }),
    ),
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
      Type.Union([Type.String({ format: 'quota' }), Limit, Type.Array(Limit, { minItems: 1, maxItems: 4 })], {
        description:
          'The route’s limit. A text such as `1000/1h` is the quota of each client for which the identity provider names none. An object, or a list of up to four, is a limit of the route’s own. Without any, requests are counted by the client’s own quota alone.',
      }),
    ),
    cost: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 1,
      unit: 'requests',
      description: 'How many requests one request on this route counts as.',
    }),
    whenStoreFails: Type.Enum(['strict', 'insured', 'open'], {
      default: 'insured',
      description:
        'What happens to requests that cannot be counted because the store is gone, once the quota in hand is spent. `strict`: 503. `insured`: each process serves a bounded share, all together at most a tenth of the limit, which is reported to the store when it is back; then 503. `open`: served without being counted.',
      danger: 'With `open` nobody is limited while the store is gone.',
    }),
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
