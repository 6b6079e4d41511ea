import t from 'tap'
import { ask, startOpenApi, startPrograms } from './support/sample-servers.ts'

const own = 'application/vnd.api+json'

t.test('every answer, failures included, has the media type without parameters', async (t) => {
  const programs = await startPrograms(t)
  const open = await startOpenApi(t)
  const answers = [
    await ask(programs, '/api1/programs', { 'X-Roles': 'USER' }),
    await ask(programs, '/api1/programs'),
    await ask(programs, '/nowhere'),
    await ask(programs, '/%zz'),
    await ask(programs, '/api1', { method: 'POST' }),
    await ask(open, '/api2/channels'),
    await ask(open, '/api2/channels/none'),
  ]
  t.same(
    answers.map(({ status }) => status),
    [200, 403, 404, 400, 405, 200, 404],
  )
  t.ok(answers.every(({ headers }) => headers['content-type'] === own))
  t.ok(answers.slice(0, 5).every(({ headers }) => headers.vary === 'X-Roles, Accept'))
  t.ok(answers.slice(5).every(({ headers }) => headers.vary === 'Accept'))
})

t.test('a 200 may be shared for a minute, and a failure is never kept', async (t) => {
  const programs = await startPrograms(t)
  const open = await startOpenApi(t)
  const shared = 'max-age=60, public, s-maxage=60'
  t.equal((await ask(programs, '/api1/programs', { 'X-Roles': 'USER' })).headers['cache-control'], shared)
  t.equal((await ask(open, '/api2/channels')).headers['cache-control'], shared)
  t.equal((await ask(programs, '/api1/programs')).headers['cache-control'], 'no-store')
  t.equal((await ask(open, '/api2/channels/none')).headers['cache-control'], 'no-store')
})

t.test('Accept decides between an answer and 406', async (t) => {
  const server = await startOpenApi(t)
  const accepted = [
    '',
    '*/*',
    'application/*',
    own,
    'Application/Vnd.Api+Json',
    `${own};q=0.5`,
    `${own};profile="https://example.org/a,b https://example.org/c"`,
    `${own};charset=utf-8, ${own}`,
    'text/html, application/xhtml+xml, */*;q=0.8',
    '"unclosed, */*',
  ]
  const refused = [
    'text/html',
    'application/json',
    `${own};charset=utf-8`,
    `${own};charset=utf-8, */*`,
    `${own};ext="https://example.org/ext"`,
    `${own};q=0, */*`,
    'application/*;q=0, */*',
    '*/*;q=0',
    ';;;',
  ]
  for (const accept of accepted) t.equal((await ask(server, '/api2', { Accept: accept })).status, 200, accept)
  for (const accept of refused) t.equal((await ask(server, '/api2', { Accept: accept })).status, 406, accept)
})

t.test('Content-Type decides between an answer and 415', async (t) => {
  const server = await startOpenApi(t)
  const content = '{}'
  const length = { content, 'Content-Length': '2' }
  const status = async (headers: Record<string, string>) => (await ask(server, '/api2', headers)).status
  t.equal(await status({ 'Content-Type': own }), 200)
  t.equal(await status({ 'Content-Type': 'application/json' }), 200, 'a type without content says nothing')
  t.equal(await status({ 'Content-Type': own, ...length }), 200)
  t.equal(await status({ 'Content-Type': `${own};profile="https://example.org/p"`, ...length }), 200)
  t.equal(await status({ 'Content-Type': `${own};charset=utf-8` }), 415)
  t.equal(await status({ 'Content-Type': `${own};ext="https://example.org/e"` }), 415)
  t.equal(await status({ 'Content-Type': 'application/json', ...length }), 415)
  t.equal(await status({ 'Transfer-Encoding': 'chunked', content }), 415)
})
