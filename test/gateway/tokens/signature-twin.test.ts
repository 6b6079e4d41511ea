import { generateKeyPair, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { twinOf } from '../../../gateway/tokens/signature-twin.ts'

for (const algorithm of ['ES256', 'ES384', 'ES512']) {
  t.test(
    `of a token signed by ${algorithm} there is one other that verifies, and we can name it`,
    async (t) => {
      const { publicKey, privateKey } = await generateKeyPair(algorithm)
      for (let round = 0; round < 50; round += 1) {
        const token = await new SignJWT({ round }).setProtectedHeader({ alg: algorithm }).sign(privateKey)
        const twin = twinOf(token)
        if (twin === undefined) return t.fail('it has a twin')
        t.not(twin, token)
        t.equal(twinOf(twin), token)
        t.equal((await jwtVerify(twin, publicKey)).payload.round, round)
      }
    },
  )
}

t.test('other tokens have no twin', async (t) => {
  for (const algorithm of ['RS256', 'PS256', 'EdDSA']) {
    const { privateKey } = await generateKeyPair(algorithm)
    t.equal(twinOf(await new SignJWT({}).setProtectedHeader({ alg: algorithm }).sign(privateKey)), undefined)
  }
  const header = Buffer.from('{"alg":"ES256"}').toString('base64url')
  const zero = Buffer.alloc(64).toString('base64url')
  const tooLarge = Buffer.alloc(64, 0xff).toString('base64url')
  const odd = [
    '',
    'opaque',
    '..',
    `${header}..`,
    `${header}..AAAA`,
    `${header}..${zero}`,
    `${header}..${tooLarge}`,
  ]
  for (const token of odd) t.equal(twinOf(token), undefined)
})
