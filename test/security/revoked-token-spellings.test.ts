/**
 * The attack: somebody holds a JWT that was revoked, and sends it in another spelling, which verifies as well and has
 * another hash. A signature is not itself signed: of ECDSA’s (r, s) anybody can make (r, n − s), base64url has several
 * spellings of the same bytes, and other algorithms would have more forms if a verifier were careless about ranges.
 */
import { hash } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import { JwtProvider } from '../../gateway/tokens/jwt-provider.ts'
import { twinOf } from '../../gateway/tokens/signature-twin.ts'
import { makeKey, startIssuer, testAudience } from '../support/issuer.ts'
import { otherNumbers } from '../support/signature-numbers.ts'
import { createTokenNode } from '../support/token-node.ts'

const withTwins = ['ES256', 'ES384', 'ES512']
const algorithms = [...withTwins, 'EdDSA', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

/** How many numbers are tried where all of them have room: 15 multiples of the order for each that it can be added to. */
const countsOfNumbers: Readonly<Record<string, number>> = { EdDSA: 1 + 2 + 15, ES512: 2 + 2 + 4 * 15 + 2 }

/** A gateway’s tokens, checked by the published key of an issuer that signs by this algorithm. */
async function setUp(t: Test, algorithm: string) {
  const issuer = await startIssuer()
  const dispatcher = new Agent()
  t.teardown(() => Promise.all([issuer.close(), dispatcher.close()]))
  const key = await makeKey(algorithm)
  issuer.keys.splice(0, 1, key)
  const settings = { kind: 'jwt', issuer: issuer.url, audience: testAudience, jwks: issuer.jwksUrl } as const
  const times = { clockToleranceMs: 0, keysMaxAgeMs: 3_600_000, keysMaxStaleMs: 3_600_000 }
  const unheard = () => undefined
  const provider = new JwtProvider(
    { ...settings, ...times, algorithms },
    {
      connection: { dispatcher, timeoutMs: 5_000 },
      clock: Date.now,
      listener: { tokenRefused: unheard, keysFetched: unheard, keysFailed: unheard },
    },
  )
  const startNode = () => createTokenNode({ provider, isLocal: true, maxTokens: 100_000 })
  return { issuer, key, startNode }
}

/** What a lenient decoder of base64url takes for the same bytes. */
const spellings: readonly ((signature: string) => string)[] = [
  (signature) => signature,
  (signature) => `${signature}=`,
  (signature) => `${signature}==`,
  (signature) => signature.replaceAll('-', '+').replaceAll('_', '/'),
  (signature) => `${signature.slice(0, 40)}\n${signature.slice(40)}`,
  (signature) => ` ${signature} `,
  (signature) => `${signature}.`,
  (signature) => `${signature}A`,
  (signature) => `${signature}\0`,
  ...Array.from({ length: 15 }, (_, bits) => (signature: string) => withUnusedBits(signature, bits + 1)),
]

const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** With other bits in its last sign, of which four stand for nothing where the bytes leave one over. */
function withUnusedBits(signature: string, bits: number): string {
  return signature.slice(0, -1) + signs[signs.indexOf(signature.slice(-1)) ^ bits]
}

/** A change of the text anywhere. */
const anyEdit = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  removed: fc.nat(2),
  added: fc.string({ unit: fc.constantFrom(...signs, '.', '=', '+', '/', ' ', '\n'), maxLength: 2 }),
})

const anySpelling = fc.record({
  number: fc.nat(),
  spelling: fc.nat(),
  edits: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(anyEdit, { maxLength: 2 })),
})

/** The token with another number for its signature, in another spelling, changed somewhere. */
function respell(
  token: string,
  numbers: readonly Buffer[],
  { number, spelling, edits }: { number: number; spelling: number; edits: readonly Edit[] },
): string {
  const cut = token.lastIndexOf('.') + 1
  const bytes = numbers[number % numbers.length] ?? Buffer.alloc(0)
  const spell = spellings[spelling % spellings.length]
  let text = token.slice(0, cut) + (spell?.(bytes.toString('base64url')) ?? '')
  for (const { at, removed, added } of edits) {
    const place = Math.floor(at * text.length)
    text = text.slice(0, place) + added + text.slice(place + removed)
  }
  return text
}

type Edit = typeof anyEdit extends fc.Arbitrary<infer Value> ? Value : never

for (const algorithm of algorithms)
  t.test(`no spelling of a revoked ${algorithm} token passes`, async (t) => {
    const { issuer, key, startNode } = await setUp(t, algorithm)
    const token = await issuer.sign({ key })
    const forms = [token, twinOf(token)].filter((form) => form !== undefined)
    t.equal(forms.length, withTwins.includes(algorithm) ? 2 : 1)
    const numbers = [...forms.map(signatureOf), ...otherNumbers(signatureOf(token), key.jwk)]
    t.equal(numbers.length, countsOfNumbers[algorithm] ?? numbers.length, 'all of them have room')
    const texts = new Set(
      numbers.flatMap((_, number) =>
        spellings.map((_, spelling) => respell(token, numbers, { number, spelling, edits: [] })),
      ),
    )
    const before = startNode()
    for (const text of texts) {
      const expected = forms.includes(text) ? 'Tracks' : 'token-invalid'
      if ((await before.ask(text)) !== expected) t.fail(`before it was revoked: ${text}`)
    }
    for (const revoked of forms) {
      const [cached, cold] = [startNode(), startNode()]
      for (const form of forms) t.equal(await cached.ask(form), 'Tracks')
      const target = { kind: 'token-hash', hash: hash('sha256', revoked), expiresAtMs: undefined } as const
      for (const node of [cached, cold]) {
        await node.revocations.announce({ target, effect: 'revoke' })
        for (const text of texts)
          if ((await node.ask(text)) !== 'token-invalid') t.fail(`after it was revoked: ${text}`)
      }
      const property = fc.asyncProperty(anySpelling, async (changes) => {
        return (await cached.ask(respell(token, numbers, changes))) === 'token-invalid'
      })
      await fc.assert(property, { numRuns: 200 })
    }
  })

function signatureOf(token: string): Buffer {
  return Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
}
