import { hashCredential, lastFour, type RandomSource, randomSuffix } from '../credentials.ts'
import type { ClientSecret } from '../store/client-secret-repository.ts'

/** Whose secret it is, and from when until when it can be used; times are milliseconds since the epoch. */
interface SecretDetails {
  readonly clientId: string
  readonly createdAt: number
  readonly expiresAt?: number | null
  readonly random: RandomSource
}

/** A secret as it is stored. */
export function newSecret(
  secret: string,
  { clientId, createdAt, expiresAt = null, random }: SecretDetails,
): ClientSecret {
  return {
    id: randomSuffix(random),
    clientId,
    hash: hashCredential(secret),
    lastFour: lastFour(secret),
    createdAt,
    expiresAt,
  }
}
