import { type Static, Type } from 'typebox'
import type { NewClient } from '../clients/client-registry.ts'
import { authMethods, type Client, grantTypes, tokenFormats } from '../store/client.ts'
import { mergePatch } from './merge-patch.ts'
import { timeSchema, toOptionalTime, toTime } from './routes.ts'

const texts = (description: string) =>
  Type.Array(Type.String({ maxLength: 2_000 }), { maxItems: 200, description })
const optionalSeconds = (description: string) => Type.Union([Type.Integer(), Type.Null()], { description })

/** What an administrator says of a client; each member's description is its manual. */
const clientMembers = {
  name: Type.String({ description: 'What people call it; 1 to 100 printable characters.' }),
  roles: texts('Roles that backends see. They must be known: see /roles and the parameter create_roles.'),
  scopes: texts('Scopes that its tokens may have. `admin` lets it administer, `admin:read` look.'),
  rate_limit: Type.Integer({ description: 'Requests that it may make in a window. A plan goes before it.' }),
  rate_limit_window: Type.Integer({ description: 'Length of the window in seconds.' }),
  plan: Type.Union([Type.String(), Type.Null()], {
    description:
      'The id of its plan, whose quota counts instead of its own, and whose roles come to its own.',
  }),
  grant_types: Type.Array(Type.Enum([...grantTypes]), { description: 'How it may get tokens.' }),
  auth_method: Type.Enum([...authMethods], {
    description: 'How it authenticates (RFC 7591 §2); client_secret is either way of sending a secret.',
  }),
  jwks: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], {
    description: 'Its public keys, a JWK Set (RFC 7517); for private_key_jwt.',
  }),
  redirect_uris: texts('Where its users may be sent back to.'),
  audiences: texts('The resources (RFC 8707) that its tokens may be for.'),
  token_format: Type.Enum([...tokenFormats], { description: 'What its access tokens look like.' }),
  access_token_lifetime: optionalSeconds('Seconds; null where the server’s own lifetime holds.'),
  refresh_token_lifetime: optionalSeconds('Seconds; null where the server’s own lifetime holds.'),
  skips_consent: Type.Boolean({ description: 'Whether its users are not asked for their consent.' }),
  allows_get_token: Type.Boolean({ description: 'Whether it may ask for tokens by GET.' }),
}

export const newClientSchema = Type.Object(
  { ...Type.Partial(Type.Object(clientMembers)).properties, name: clientMembers.name },
  { additionalProperties: false },
)

/** A JSON Merge Patch (RFC 7396): null gives a member its default again. */
export const clientPatchSchema = Type.Object(
  {
    name: Type.Optional(clientMembers.name),
    ...Object.fromEntries(
      Object.entries(clientMembers)
        .filter(([member]) => member !== 'name')
        .map(([member, schema]) => [member, Type.Optional(Type.Union([schema, Type.Null()]))]),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
)

export const clientSchema = Type.Object({
  client_id: Type.String(),
  ...clientMembers,
  granted: Type.Object(
    {
      roles: Type.Array(Type.String()),
      rate_limit: Type.Integer(),
      rate_limit_window: Type.Integer(),
    },
    { description: 'What its tokens carry at the moment, its plan included.' },
  ),
  created_at: timeSchema('When it was made.'),
  updated_at: timeSchema('When it was last changed.'),
  disabled: Type.Boolean(),
  disabled_at: Type.Union([timeSchema('Since when it may do nothing.'), Type.Null()]),
})

/** A client as the admin API and the command line show it. */
export type ClientJson = Static<typeof clientSchema>

/** What can be said of a client, all of it. */
export type ClientWishes = Static<typeof newClientSchema>

const wishDefaults = {
  roles: [],
  scopes: ['user'],
  rate_limit: 1_000,
  rate_limit_window: 3_600,
  plan: null,
  grant_types: ['client_credentials'],
  auth_method: 'client_secret',
  jwks: null,
  redirect_uris: [],
  audiences: [],
  token_format: 'opaque',
  access_token_lifetime: null,
  refresh_token_lifetime: null,
  skips_consent: false,
  allows_get_token: false,
} as const satisfies Omit<ClientWishes, 'name'>

/** What the registry is asked for; what is left out is as for any client. */
export function toNewClient(wishes: ClientWishes): Required<NewClient> {
  const all = { ...wishDefaults, ...wishes }
  return {
    name: all.name,
    roles: all.roles,
    scopes: all.scopes,
    quota: { limit: all.rate_limit, windowMs: all.rate_limit_window * 1_000 },
    planId: all.plan,
    grantTypes: all.grant_types,
    authMethod: all.auth_method,
    jwks: all.jwks === null ? null : JSON.stringify(all.jwks),
    redirectUris: all.redirect_uris,
    audiences: all.audiences,
    tokenFormat: all.token_format,
    accessTokenLifetimeMs: toMilliseconds(all.access_token_lifetime),
    refreshTokenLifetimeMs: toMilliseconds(all.refresh_token_lifetime),
    skipsConsent: all.skips_consent,
    allowsGetToken: all.allows_get_token,
  }
}

/** What a client is by a merge patch that {@link clientPatchSchema} lets through. */
export function patchClient(client: Client, patch: object): Required<NewClient> {
  // What the patch leaves is of the types that the schema holds for every member.
  return toNewClient(mergePatch(toWishes(client), patch) as ClientWishes)
}

function toWishes(client: Client): Required<ClientWishes> {
  return {
    name: client.name,
    roles: [...client.roles],
    scopes: [...client.scopes],
    rate_limit: client.quota.limit,
    rate_limit_window: client.quota.windowMs / 1_000,
    plan: client.planId,
    grant_types: [...client.grantTypes],
    auth_method: client.authMethod,
    jwks: client.jwks === null ? null : JSON.parse(client.jwks),
    redirect_uris: [...client.redirectUris],
    audiences: [...client.audiences],
    token_format: client.tokenFormat,
    access_token_lifetime: toSeconds(client.accessTokenLifetimeMs),
    refresh_token_lifetime: toSeconds(client.refreshTokenLifetimeMs),
    skips_consent: client.skipsConsent,
    allows_get_token: client.allowsGetToken,
  }
}

export function toClientJson(client: Client): ClientJson {
  const { roles, quota } = client.granted
  return {
    client_id: client.id,
    ...toWishes(client),
    granted: {
      roles: [...roles],
      rate_limit: quota.limit,
      rate_limit_window: quota.windowMs / 1_000,
    },
    created_at: toTime(client.createdAt),
    updated_at: toTime(client.updatedAt),
    disabled: client.disabledAt !== null,
    disabled_at: toOptionalTime(client.disabledAt),
  }
}

function toSeconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1_000
}

function toMilliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000
}
