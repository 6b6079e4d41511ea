import type { LimitPolicy } from '../limit-policy.ts'
import { sizeOf } from '../limit-policy.ts'
import type { TokenMetadata } from './token-metadata.ts'

/** Most values of one kind that are shared; beyond it they are gathered anew, and what is in use stays as it is. */
const maxShared = 20_000

/**
 * Lets tokens of one client, or with the same roles, hold the same objects: of 200,000 tokens most say the same as others.
 */
export class MetadataSharing {
  readonly #clients = new Map<string, string>()
  readonly #roles = new Map<string, Pick<TokenMetadata, 'roles' | 'rolesField'>>()
  readonly #scopes = new Map<string, Pick<TokenMetadata, 'scopes' | 'scopeField'>>()
  readonly #policies = new Map<string, LimitPolicy>()

  /** The same metadata, made of shared parts. */
  share(metadata: TokenMetadata): TokenMetadata {
    const { ownPolicy } = metadata
    const { roles, rolesField } = intern(this.#roles, metadata.rolesField, metadata)
    const { scopes, scopeField } = intern(this.#scopes, metadata.scopeField, metadata)
    return {
      client: intern(this.#clients, metadata.client, metadata.client),
      roles,
      scopes,
      ownPolicy:
        ownPolicy && intern(this.#policies, `${sizeOf(ownPolicy.rule)} ${ownPolicy.subject}`, ownPolicy),
      user: metadata.user,
      expiresAtMs: metadata.expiresAtMs,
      issuedAtMs: metadata.issuedAtMs,
      rolesField,
      scopeField,
    }
  }
}

function intern<Value>(known: Map<string, Value>, key: string, value: Value): Value {
  const shared = known.get(key)
  if (shared !== undefined) return shared
  if (known.size >= maxShared) known.clear()
  known.set(key, value)
  return value
}
