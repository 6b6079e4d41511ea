/** What one process does about revocations; the same on every store. */
import { hash } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { RevocationMarks } from '../../../gateway/tokens/revocation-marks.ts'
import { twinOf } from '../../../gateway/tokens/signature-twin.ts'
import { shortText, TokenHasher } from '../../../gateway/tokens/token-hash.ts'
import { ScriptedBus, ScriptedStore } from '../../support/scripted-store.ts'
import { createTokenNode, MapProvider, metadataOf, ScriptedProvider } from '../../support/token-node.ts'

const startMs = 1_800_000_000_000
const asked = { isLocal: false, scope: 'of-provider1' }
const settled = () => new Promise(setImmediate)

function setUp(isLocal = false) {
  const time = { nowMs: startMs }
  const provider = new MapProvider()
  const tokens = { a: metadataOf('Tracks'), b: metadataOf('Clips'), c: metadataOf('Tracks') }
  for (const [token, metadata] of Object.entries(tokens)) {
    const iat = { issuedAtMs: startMs - 60_000 }
    provider.tokens.set(token, isLocal ? { ...metadata, ...iat } : metadata)
  }
  const node = createTokenNode({ provider, clock: () => time.nowMs, isLocal })
  return { time, provider, node }
}

t.test('a revoked token is refused at once, and the provider is not asked again', async (t) => {
  const { provider, node } = setUp()
  for (const token of ['a', 'b', 'c']) await node.ask(token)
  await node.revocations.announce({ target: { kind: 'token', token: 'a' }, effect: 'revoke' })
  t.equal(await node.ask('a'), 'token-invalid')
  node.resolver.prefetch('a')
  t.equal(await node.ask('a'), 'token-invalid')
  t.equal(await node.ask('c'), 'Tracks', 'another token of its client goes on')
  t.equal(provider.asked.length, 3)
  t.equal(node.outcomes.filter((outcome) => outcome === 'revoked').length, 2)
})

t.test('a token that is named by its hash is refused as one that is named itself', async (t) => {
  const { provider, node } = setUp()
  const target = { kind: 'token-hash', hash: hash('sha256', 'a'), expiresAtMs: undefined } as const
  for (const token of ['a', 'b', 'c']) await node.ask(token)
  await node.revocations.announce({ target, effect: 'refresh' })
  t.equal(await node.ask('a'), 'Tracks')
  t.same(provider.asked, ['a', 'b', 'c', 'a'], 'what is to be refreshed is asked for again')
  await node.revocations.announce({ target, effect: 'revoke' })
  t.same(
    [await node.ask('a'), await node.ask('b'), await node.ask('c')],
    ['token-invalid', 'Clips', 'Tracks'],
  )
  t.equal(provider.asked.length, 4)
})

t.test('a token that is revoked by its hash before it is first seen is refused until it ends', async (t) => {
  const { time, provider, node } = setUp()
  provider.tokens.set('long', metadataOf('Long', { exp: startMs / 1_000 + 7 * 86_400 }))
  const expiresAtMs = startMs + 7 * 86_400_000
  const target = { kind: 'token-hash', hash: hash('sha256', 'long'), expiresAtMs } as const
  await node.revocations.announce({ target, effect: 'revoke' })
  time.nowMs = expiresAtMs - 1
  t.equal(await node.ask('long'), 'token-invalid')
  t.equal(provider.asked.length, 0)
})

t.test('a revocation is forgotten after a day, or when the token says that it ends', async (t) => {
  const { time, provider, node } = setUp()
  provider.tokens.set('long', metadataOf('Long', { exp: startMs / 1_000 + 7 * 86_400 }))
  for (const token of ['a', 'long']) {
    await node.ask(token)
    await node.revocations.announce({ target: { kind: 'token', token }, effect: 'revoke' })
  }
  time.nowMs += 86_400_000 - 1
  t.same([await node.ask('a'), await node.ask('long')], ['token-invalid', 'token-invalid'])
  time.nowMs += 1
  t.same([await node.ask('a'), await node.ask('long')], ['Tracks', 'token-invalid'])
})

t.test('an answer that was asked for before the token was revoked is given to nobody', async (t) => {
  const provider = new ScriptedProvider()
  const node = createTokenNode({ provider })
  const waiting = [node.ask('a'), node.ask('a')]
  await settled()
  await node.revocations.announce({ target: { kind: 'token', token: 'a' }, effect: 'revoke' })
  provider.asked[0]?.answer(metadataOf('Tracks'))
  t.same(await Promise.all(waiting), ['token-invalid', 'token-invalid'])
  t.equal(await node.ask('a'), 'token-invalid')
  t.equal(provider.asked.length, 1)
})

t.test('an answer that was asked for before its client was revoked is asked for again', async (t) => {
  for (const [target, effect] of [
    [{ kind: 'client', id: 'Tracks' }, 'revoke'],
    [{ kind: 'client', id: 'Tracks' }, 'refresh'],
    [{ kind: 'user', id: 'someone' }, 'revoke'],
    [{ kind: 'all' }, 'revoke'],
    [{ kind: 'token', token: 'a' }, 'refresh'],
  ] as const) {
    const provider = new ScriptedProvider()
    const node = createTokenNode({ provider })
    const waiting = node.ask('a')
    await settled()
    await node.revocations.announce({ target, effect })
    provider.asked[0]?.answer(metadataOf('Tracks', { sub: 'someone', roles: ['OLD'] }))
    await settled()
    t.equal(provider.asked.length, 2, `${target.kind} ${effect}`)
    provider.asked[1]?.answer(undefined)
    t.equal(await waiting, 'token-invalid')
  }
})

t.test('revocations without end do not keep a request for ever', async (t) => {
  const provider = new ScriptedProvider()
  const node = createTokenNode({ provider })
  const waiting = node.ask('a')
  for (let i = 0; i < 3; i += 1) {
    await settled()
    await node.revocations.announce({ target: { kind: 'all' }, effect: 'refresh' })
    provider.asked[i]?.answer(metadataOf('Tracks'))
  }
  t.equal(await waiting, 'identity-unavailable')
})

t.test(
  'who is revoked as a client, a user or with all is asked for again, and the provider says the truth',
  async (t) => {
    for (const [target, hit] of [
      [{ kind: 'client', id: 'Tracks' }, ['a', 'c']],
      [{ kind: 'user', id: 'someone' }, ['b']],
      [{ kind: 'all' }, ['a', 'b', 'c']],
    ] as const) {
      for (const effect of ['revoke', 'refresh'] as const) {
        const { provider, node } = setUp()
        provider.tokens.set('b', metadataOf('Clips', { sub: 'someone' }))
        for (const token of ['a', 'b', 'c']) await node.ask(token)
        provider.asked.length = 0
        provider.tokens.set('a', metadataOf('Tracks again'))
        await node.revocations.announce({ target, effect })
        const clients = await Promise.all(['a', 'b', 'c'].map((token) => node.ask(token)))
        t.same(provider.asked, hit, `${target.kind} ${effect}`)
        t.equal(clients[0], target.kind === 'user' ? 'Tracks' : 'Tracks again')
        for (const token of ['a', 'b', 'c']) await node.ask(token)
        t.same(provider.asked, hit, 'once')
      }
    }
  },
)

t.test('tokens that are checked here are refused if they were issued before the revocation', async (t) => {
  for (const target of [{ kind: 'client', id: 'Tracks' }, { kind: 'all' }] as const) {
    const { time, provider, node } = setUp(true)
    await node.ask('a')
    await node.revocations.announce({ target, effect: 'refresh' })
    t.equal(await node.ask('a'), 'Tracks', 'to refresh refuses nobody')
    await node.revocations.announce({ target, effect: 'revoke' })
    t.equal(await node.ask('a'), 'token-invalid')
    t.equal(await node.ask('c'), 'token-invalid', 'also one that was not known')
    provider.tokens.set('new', { ...metadataOf('Tracks'), issuedAtMs: time.nowMs + 10_000 })
    time.nowMs += 10_000
    t.equal(await node.ask('new'), 'Tracks')
    provider.tokens.set('undated', metadataOf('Tracks'))
    t.equal(await node.ask('undated'), 'token-invalid', 'one that does not say when was issued before')
    t.equal(await node.ask('b'), target.kind === 'all' ? 'token-invalid' : 'Clips')
  }
})

t.test('a token that an ECDSA key signed is revoked in both its forms, however it is named', async (t) => {
  const { privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({ client_id: 'Tracks' })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
  const twin = twinOf(token) ?? ''
  const byHash = { kind: 'token-hash', hash: hash('sha256', token), expiresAtMs: undefined } as const
  for (const target of [{ kind: 'token', token }, byHash] as const)
    for (const known of [[], [token], [twin], [token, twin]]) {
      const { provider, node } = setUp(true)
      for (const form of [token, twin])
        provider.tokens.set(form, { ...metadataOf('Tracks'), issuedAtMs: startMs - 60_000 })
      for (const form of known) t.equal(await node.ask(form), 'Tracks')
      await node.revocations.announce({ target, effect: 'revoke' })
      for (const form of [twin, token, twin])
        t.equal(await node.ask(form), 'token-invalid', `${target.kind}, ${known.length} known`)
      t.equal(provider.asked.length, known.length)
      t.equal(node.outcomes.filter((outcome) => outcome === 'revoked').length, 3)
    }
})

t.test(
  'where a store holds a token and its twin apart, half of its answer is enough to refuse',
  async (t) => {
    const { privateKey } = await generateKeyPair('ES256')
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    const forms = [token, twinOf(token) ?? '']
    const hasher = new TokenHasher({ name: 'test', id: new MapProvider().id })
    const [name = '', twinName = ''] = forms.map((form) => shortText(hasher.keyOf(form)))
    const ask = async (answers: Readonly<Record<string, string>>) => {
      const store = new ScriptedStore(
        new ScriptedBus(),
        async (script, [key = '']) => {
          if (script.name !== 'read-tokens') return []
          const revocation = answers[key.slice(key.lastIndexOf(':') + 1)]
          if (revocation === undefined) throw new Error('this part of the store is gone')
          return ['', -2, revocation]
        },
        { prefix: 'apart', isPartitioned: true },
      )
      const provider = new MapProvider()
      for (const form of forms) provider.tokens.set(form, metadataOf('Tracks'))
      const node = createTokenNode({ provider, isLocal: true, store })
      await settled()
      return await node.ask(token)
    }
    t.equal(await ask({ [twinName]: 'revoke' }), 'token-invalid')
    t.equal(await ask({ [name]: 'revoke' }), 'token-invalid')
    t.equal(await ask({ [name]: 'revoke', [twinName]: '' }), 'token-invalid')
    t.equal(await ask({ [name]: '', [twinName]: 'revoke' }), 'token-invalid')
    t.equal(await ask({ [name]: '', [twinName]: '' }), 'Tracks')
    t.equal(await ask({ [name]: '' }), 'Tracks', 'without an answer it is as if there were no store')
  },
)

t.test('what is remembered of a token is asked for again in both its forms', async (t) => {
  const { privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const twin = twinOf(token) ?? ''
  const { provider, node } = setUp()
  for (const form of [token, twin]) provider.tokens.set(form, metadataOf('Tracks'))
  for (const form of [token, twin]) await node.ask(form)
  await node.revocations.announce({ target: { kind: 'token', token }, effect: 'refresh' })
  for (const form of [token, twin]) await node.ask(form)
  t.same(provider.asked, [token, twin, token, twin])
})

t.test('a token whose twin is revoked by its hash while it is looked up is given to nobody', async (t) => {
  const { privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const provider = new ScriptedProvider()
  const node = createTokenNode({ provider, isLocal: true })
  const waiting = node.ask(twinOf(token) ?? '')
  await settled()
  const target = { kind: 'token-hash', hash: hash('sha256', token), expiresAtMs: undefined } as const
  await node.revocations.announce({ target, effect: 'revoke' })
  provider.asked[0]?.answer(metadataOf('Tracks'))
  t.equal(await waiting, 'token-invalid')
})

t.test(
  'so many marks that they cannot be told apart become one for everybody, and none is lost',
  async (t) => {
    const marks = new RevocationMarks({ blindTtlMs: 30_000 })
    const answer = { metadata: metadataOf('client-7'), learnedAtMs: startMs, epoch: marks.epoch }
    const innocent = { metadata: metadataOf('Innocent'), learnedAtMs: startMs, epoch: marks.epoch }
    for (let i = 0; i < 10_000; i += 1)
      marks.heed({ effect: 'revoke', kind: 'client', id: `client-${i}`, atMs: startMs + i })
    t.equal(marks.standingOf(innocent, asked, startMs), 'sure')
    marks.heed({ effect: 'refresh', kind: 'client', id: 'one more', atMs: startMs + 10_000 })
    t.ok(marks.size <= 2)
    t.equal(marks.standingOf(answer, asked, startMs), 'outdated')
    t.equal(marks.standingOf(answer, { ...asked, isLocal: true }, startMs), 'refused')
    t.equal(marks.standingOf(innocent, asked, startMs), 'outdated', 'at the price of asking for all again')
    for (let i = 0; i < 10_001; i += 1)
      marks.heed({ effect: 'refresh', kind: 'client', id: `later-${i}`, atMs: startMs + 86_500_000 })
    t.ok(marks.size <= 10_001)
  },
)

t.test('a mark that is heard twice changes nothing', async (t) => {
  const marks = new RevocationMarks({ blindTtlMs: 30_000 })
  const mark = { effect: 'revoke', kind: 'client', id: 'Tracks', atMs: startMs } as const
  t.equal(marks.heed(mark), true)
  const { epoch } = marks
  t.equal(marks.heed(mark), false)
  t.equal(marks.heed({ ...mark, atMs: startMs - 1 }), false)
  t.equal(marks.epoch, epoch)
})
