import { Type } from 'typebox'

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

const Jwt = Type.Object(
  {
    issuer: Type.String({
      format: 'http-url',
      description:
        'The authorization server: what `iss` must be. Without `jwks` its keys are found by its metadata (RFC 8414, or OpenID Connect discovery).',
    }),
    audience: Type.String({
      minLength: 1,
      description: 'Who the token must be meant for: one of its `aud` must be this.',
    }),
    jwks: Type.Optional(
      Type.String({ format: 'http-url', description: 'URL of the key set, instead of discovery.' }),
    ),
    algorithms: Type.Array(
      Type.Enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']),
      {
        default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        minItems: 1,
        uniqueItems: true,
        description: 'The signature algorithms that are accepted. None of them is `none` or symmetric.',
      },
    ),
    clockTolerance: Type.String({
      format: 'duration',
      default: '5s',
      unit: 'duration',
      description: 'How far the clocks of issuer and gateway may differ where `nbf` and `iat` are compared.',
    }),
    keysMaxAge: Type.String({
      format: 'duration',
      default: '10m',
      unit: 'duration',
      description:
        'After how long the key set is fetched again, in the background. A token by a key that is not known has it fetched too, once in ten seconds at most.',
    }),
    keysMaxStale: Type.String({
      format: 'duration',
      default: '24h',
      unit: 'duration',
      description:
        'How long the last good key set is used while no new one can be had; after it, 503. At least `1m`, and no shorter than `keysMaxAge`. **Danger:** For so long a key that the issuer withdrew may be trusted while the issuer cannot be reached.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'JWT access tokens after RFC 9068, checked here by their signature. The client is read from `client_id`, the user from `sub`, roles from `roles`, a quota from `rate_limit` and `rate_limit_window`.',
  },
)

const path = (description: string) => Type.Optional(Type.String({ format: 'path-prefix', description }))

/** An identity provider: who says what a token means, and where its tokens come from. */
export const IdentityProviderOptions = Type.Object(
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
    jwt: Type.Optional(Jwt),
    tokenEndpoint: path(
      'Path on this gateway of the provider’s token endpoint. A token that passes there is looked up at once, so that its first call need not wait.',
    ),
    revocationEndpoint: path(
      'Path on this gateway of the provider’s revocation endpoint (RFC 7009). A token that is revoked there is refused by every gateway at once.',
    ),
  },
  {
    additionalProperties: false,
    description:
      'Who says what a token means: exactly one of `verify`, `introspect` and `jwt`. Needed by every route with a token that names no other provider.',
  },
)
