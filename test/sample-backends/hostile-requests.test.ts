import fc from 'fast-check'
import t from 'tap'
import { documentFaults } from './support/json-api-document.ts'
import { ask, startOpenApi, startPrograms } from './support/sample-servers.ts'

/** Values that are right, nearly right, or meant to break something. */
const word = fc.oneof(
  fc.constantFrom(
    'videos',
    'program',
    'title',
    '-title',
    'duration',
    'published',
    'film',
    'fr',
    '1',
    '2',
    '100',
  ),
  fc.constantFrom(
    "' OR 1=1 --",
    '%00',
    '%zz',
    '%ED%A0%80',
    '__proto__',
    'constructor',
    '-',
    ',',
    '1e9',
    '9'.repeat(40),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
)

const name = fc.oneof(
  fc.constantFrom('page[number]', 'page[size]', 'filter[kind]', 'filter[language]', 'sort', 'include'),
  fc.constantFrom(
    'fields[programs]',
    'fields[videos]',
    'fields[channels]',
    'page%5Bsize%5D',
    'fields[__proto__]',
  ),
  word,
)

const parameter = fc.tuple(name, fc.array(word, { maxLength: 3 })).map(([key, values]) => `${key}=${values}`)

/** Mostly one parameter: the first fault ends the reading, so that a second one is seldom reached. */
const query = fc.array(parameter, { maxLength: 3, size: 'xsmall' }).map((parameters) => parameters.join('&'))

const path = fc.oneof(
  { arbitrary: fc.constant('/api1/programs'), weight: 4 },
  fc.constantFrom('/api1', '/api1/programs/100001', '/api1/programs/100001/videos', '/api1/videos/100001-1'),
  fc.constantFrom('/api2', '/api2/channels', '/api2/channels/cinema'),
  word.map((id) => `/api1/programs/${id}`),
  word.map((id) => `/api2/channels/${id}/`),
)

/** A request line is split at spaces and ends with the line: what cannot be sent at all is left out. */
const target = fc.tuple(path, query).map((parts) => parts.join('?').replaceAll(/[^\x21-\x7e]/g, ''))

t.test(
  'whatever the path and the query, the answer is a valid document and the fault the client’s',
  async (t) => {
    const servers = [await startPrograms(t), await startOpenApi(t)]
    const statuses = new Set<number>()
    const property = fc.asyncProperty(
      target,
      fc.constantFrom('USER', 'EDITOR', 'USER,EDITOR', ''),
      async (target, roles) => {
        for (const server of servers) {
          const { status, text } = await ask(server, target, { 'X-Roles': roles })
          statuses.add(status)
          if (![200, 400, 403, 404].includes(status)) throw new Error(`status ${status}`)
          const faults = documentFaults(text)
          if (faults.length > 0) throw new Error(faults.join('; '))
        }
      },
    )
    await t.resolves(fc.assert(property, { numRuns: 2_000 }))
    t.same([...statuses].toSorted(), [200, 400, 403, 404], 'every kind of answer was met')
  },
)

t.test('whatever Accept and Content-Type say, the answer is 200, 406 or 415', async (t) => {
  const server = await startOpenApi(t)
  const piece = fc.constantFrom(
    'application/vnd.api+json',
    '*/*',
    'text/html',
    ';',
    ',',
    '=',
    '"',
    'q',
    '0',
    'ext',
    'profile',
    ' ',
  )
  const header = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  const property = fc.asyncProperty(header, header, async (accept, contentType) => {
    const { status, text } = await ask(server, '/api2', { Accept: accept, 'Content-Type': contentType })
    return [200, 406, 415].includes(status) && documentFaults(text).length === 0
  })
  await t.resolves(fc.assert(property, { numRuns: 300 }))
})

t.test('a long header of open quotes costs no noticeable time', async (t) => {
  const server = await startOpenApi(t)
  const started = performance.now()
  await ask(server, '/api2', { Accept: '"\\'.repeat(6_000), 'Content-Type': ';"'.repeat(1_500) })
  t.ok(performance.now() - started < 1_000)
})
