import type { JWK } from 'jose'

/** The orders of the groups in which signatures count (SP 800-186 §3.2.1, RFC 8032 §5.1). */
const orders: Readonly<Record<string, bigint>> = {
  'P-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  'P-384':
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  'P-521':
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  Ed25519: 2n ** 252n + 27742317777372353535851937790883648493n,
}

/**
 * Signatures that a verifier would take for this one if it did not hold its numbers to their range, or their length: those
 * with a multiple of the group’s order, or of the modulus, added to one of their numbers, and those with bytes more or
 * less. Only those that have room for it in their bytes; of the three curves P-521 alone always has.
 */
export function otherNumbers(signature: Buffer, { kty, crv, n }: JWK): Buffer[] {
  const lengths = [Buffer.concat([Buffer.alloc(1), signature]), Buffer.concat([signature, Buffer.alloc(1)])]
  const half = signature.length / 2
  const [r, s] = [signature.subarray(0, half), signature.subarray(half)]
  const order = orders[crv ?? '']
  if (kty === 'RSA')
    return [
      ...lengths,
      ...plusMultiples(signature, BigInt(`0x${Buffer.from(n ?? '', 'base64url').toString('hex')}`)),
    ]
  if (order === undefined) throw new Error(`the order of ${crv} is not known`)
  if (kty === 'OKP')
    return [
      ...lengths,
      ...plusMultiples(reversed(s), order).map((each) => Buffer.concat([r, reversed(each)])),
    ]
  const negative = toBytes(order - toNumber(s), half)
  return [
    ...lengths,
    ...[s, negative].flatMap((one) => [
      ...plusMultiples(one, order).map((each) => Buffer.concat([r, each])),
      ...plusMultiples(r, order).map((each) => Buffer.concat([each, one])),
    ]),
    Buffer.concat([toBytes(order - toNumber(r), half), s]),
    Buffer.concat([s, r]),
  ]
}

/** The number with up to 15 times the modulus added, as far as that has room. */
function plusMultiples(bytes: Buffer, modulus: bigint): Buffer[] {
  const sums = Array.from({ length: 15 }, (_, index) => toNumber(bytes) + BigInt(index + 1) * modulus)
  return sums.filter((sum) => sum < 256n ** BigInt(bytes.length)).map((sum) => toBytes(sum, bytes.length))
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function toBytes(number: bigint, length: number): Buffer {
  return Buffer.from(number.toString(16).padStart(2 * length, '0'), 'hex')
}

/** Ed25519 writes its numbers with the least byte first. */
function reversed(bytes: Buffer): Buffer {
  return Buffer.from(bytes).reverse()
}
