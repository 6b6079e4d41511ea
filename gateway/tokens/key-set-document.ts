import { type CryptoKey, importJWK, type JWK } from 'jose'
import { IdentityProviderFailure } from './identity-provider.ts'

/** A public key for one algorithm. */
export interface VerificationKey {
  /** The name by which tokens choose it; `undefined` where its owner gave it none. */
  readonly id: string | undefined
  readonly algorithm: string
  readonly key: CryptoKey
}

/** The key types and curves of the algorithms that a configuration can name (RFC 7518 §3.1, RFC 8037 §3.1). */
const keyForms: Readonly<Record<string, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** Members that only a private or a symmetric key has (RFC 7518 §6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** More keys than an issuer in its right mind publishes, and few enough to import them all. */
const maxKeys = 50

/** RFC 7518 §3.3 asks for 2,048 bits at least; beyond 8,192 a verification takes a millisecond and more. */
const rsaBits = { least: 2_048, most: 8_192 }

/**
 * Reads a JSON Web Key Set (RFC 7517 §5) for the accepted algorithms. A key that is for something else, or not
 * understood, is left out, as the RFC asks. A set that publishes a secret, names two keys alike or holds none of use is
 * refused as a whole. Rejects with {@link IdentityProviderFailure}, whose message holds nothing of the set.
 */
export async function readKeySet(
  document: unknown,
  algorithms: readonly string[],
): Promise<readonly VerificationKey[]> {
  const members = membersOf(document)
  if (members.some((member) => secretMembers.some((name) => Object.hasOwn(member, name))))
    throw brokenSet('it publishes a private or symmetric key')
  const imported = await Promise.all(
    members.flatMap((member) =>
      algorithms
        .filter((algorithm) => isFor(member, algorithm))
        .map((algorithm) => importKey(member, algorithm)),
    ),
  )
  const keys = imported.filter((key) => key !== undefined)
  if (keys.length === 0) throw brokenSet('it holds no key for the accepted algorithms')
  const names = keys.flatMap(({ id, algorithm }) => (id === undefined ? [] : [`${algorithm} ${id}`]))
  if (new Set(names).size < names.length) throw brokenSet('two of its keys have the same kid')
  return keys
}

function membersOf(document: unknown): readonly Readonly<Record<string, unknown>>[] {
  const keys = isRecord(document) ? document.keys : undefined
  if (!Array.isArray(keys) || !keys.every(isRecord)) throw brokenSet('it must have an array of objects, keys')
  if (keys.length > maxKeys) throw brokenSet(`it has more than ${maxKeys} keys`)
  return keys
}

/** Whether a key says nothing against being used to verify signatures of this algorithm. */
function isFor(member: Readonly<Record<string, unknown>>, algorithm: string): boolean {
  const form = keyForms[algorithm]
  const { kty, crv, alg, use, key_ops, kid } = member
  return (
    form !== undefined &&
    kty === form.kty &&
    (form.crv === undefined || crv === form.crv) &&
    (alg === undefined || alg === algorithm) &&
    (use === undefined || use === 'sig') &&
    (key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes('verify'))) &&
    (kid === undefined || typeof kid === 'string')
  )
}

/** Only the members that make the key are handed on: whatever else its owner writes decides nothing. */
async function importKey(
  { kty, crv, n, e, x, y, kid }: Readonly<Record<string, unknown>>,
  algorithm: string,
): Promise<VerificationKey | undefined> {
  const parts = Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => typeof value === 'string')
  try {
    const key = await importJWK(Object.fromEntries(parts) as JWK, algorithm)
    if (key instanceof Uint8Array || key.type !== 'public' || !hasGoodLength(key)) return undefined
    return { id: typeof kid === 'string' ? kid : undefined, algorithm, key }
  } catch {
    return undefined
  }
}

function hasGoodLength({ algorithm }: CryptoKey): boolean {
  const bits = (algorithm as { modulusLength?: number }).modulusLength
  return bits === undefined || (bits >= rsaBits.least && bits <= rsaBits.most)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function brokenSet(fault: string): IdentityProviderFailure {
  return new IdentityProviderFailure(`the issuer’s key set is refused: ${fault}`)
}
