/*
 * oidc-provider as oracle: an authorization server of another hand, which is certified, is sent the same requests as ours.
 * Where status, error code or challenge differ, ours is wrong or `differences.ts` says why not.
 */
import t from 'tap'
import { ask } from './ask.ts'
import { corpus } from './corpus.ts'
import { differences } from './differences.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { startPasserelle } from './passerelle.ts'

const requests = corpus.flatMap((group) =>
  Object.entries(group.requests).map(([name, parameters]) => ({ name, parameters, group })),
)
const explained = differences.flatMap(({ requests, ...difference }) =>
  requests.map((name) => ({ name, difference })),
)

t.test('every request of the corpus has a name of its own, and every explanation is of one', async (t) => {
  const names = new Set(requests.map(({ name }) => name))
  t.equal(names.size, requests.length)
  t.equal(new Set(explained.map(({ name }) => name)).size, explained.length)
  t.strictSame(
    explained.map(({ name }) => name).filter((name) => !names.has(name)),
    [],
  )
  t.strictSame(
    differences.filter(({ ours, theirs }) => ours === theirs),
    [],
  )
})

t.test('A1: both servers answer alike, but where a difference is explained', async (t) => {
  const passerelle = await startPasserelle(t)
  const oidcProvider = await startOidcProvider(t, passerelle)
  for (const { name, parameters, group } of requests) {
    const ours = await ask(passerelle, group, parameters)
    const theirs = await ask(oidcProvider, group, parameters)
    const difference = explained.find((entry) => entry.name === name)?.difference
    // An explanation that no longer holds fails too: it would hide the next difference.
    const expected = difference ?? { ours: theirs, theirs }
    t.strictSame({ ours, theirs }, { ours: expected.ours, theirs: expected.theirs }, `${group.to}: ${name}`)
    t.notMatch(ours, /^5/, `${name}: is answered`)
  }
})
