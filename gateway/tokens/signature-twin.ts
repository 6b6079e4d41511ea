import { decodeProtectedHeader } from 'jose'

/** The orders of the curves' groups (FIPS 186-5, SP 800-186 §3.2.1), and the bytes of a number below each. */
const groups: Readonly<Record<string, { readonly order: bigint; readonly bytes: number }>> = {
  ES256: {
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    bytes: 32,
  },
  ES384: {
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    bytes: 48,
  },
  ES512: {
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    bytes: 66,
  },
}

/**
 * The one other token with the same header, claims and key, which anybody can make of a token that is signed by ECDSA:
 * where (r, s) is a signature, (r, n − s) is one too. A token is revoked with its twin, or it comes back as that.
 * `undefined` for every other token: RSA and EdDSA signatures have one form only.
 */
export function twinOf(token: string): string | undefined {
  const cut = token.lastIndexOf('.') + 1
  if (cut === 0) return undefined
  const group = groups[algorithmOf(token) ?? '']
  const signature = Buffer.from(token.slice(cut), 'base64url')
  if (group === undefined || signature.length !== 2 * group.bytes) return undefined
  const s = BigInt(`0x${signature.subarray(group.bytes).toString('hex')}`)
  if (s === 0n || s >= group.order) return undefined
  const twin = (group.order - s).toString(16).padStart(2 * group.bytes, '0')
  const bytes = Buffer.concat([signature.subarray(0, group.bytes), Buffer.from(twin, 'hex')])
  return token.slice(0, cut) + bytes.toString('base64url')
}

function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg
  } catch {
    return undefined
  }
}
