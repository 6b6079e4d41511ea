import type { StoredSigningKey } from '../store/signing-key-repository.ts'

/** How long verifiers may keep the published keys, by `Cache-Control`; many keep them for ten minutes whatever it says. */
export const publishedForS = 300

/** How long a key is published before it signs: by then every verifier that renews its copy has it. */
export const publishedAheadMs = 900_000

/** How long a server goes by what it last read of the keys: by then it knows of a new one. */
export const rereadAfterMs = 10_000

/** The key that signs at a time: the newest whose time has come. */
export function keyInUse<Key extends Pick<StoredSigningKey, 'signsFrom'>>(
  keysByAge: readonly Key[],
  now: number,
): Key | undefined {
  return keysByAge.findLast(({ signsFrom }) => signsFrom <= now)
}
