/** Responses of the corpus, damaged at random: whatever they become, how they are cut makes no difference. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { goodResponses } from '../../../support/good-responses.ts'
import { malformedResponses } from '../../../support/malformed-responses.ts'
import { byteByByte, cutAt, type Reading, readResponse } from '../../../support/read-response.ts'
import { type CorpusEntry, corpusLimits as limits } from '../../../support/response-corpus.ts'

/** Mostly good ones, so that enough of what comes out of it is read to its end. */
const good = fc.constantFrom(...goodResponses)
const entry = fc.oneof(good, good, good, fc.constantFrom(...malformedResponses))

/** What decides how a response is read, to be put anywhere. */
const snippet = fc.oneof(
  fc.constantFrom('\r\n', '\r', '\n', '\r\n\r\n', '0\r\n\r\n', ':', ' ', '\t', ';', ',', '0', '\0'),
  fc.constantFrom('Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n'),
  fc.constantFrom(
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.0 ',
    'HTTP/1.1 200 OK\r\n',
    'chunked',
    '204',
    '304',
  ),
  fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
)

/** One damage: puts a text in the place of some bytes, perhaps none. */
interface Damage {
  readonly place: number
  readonly length: number
  readonly text: string
}

const damage: fc.Arbitrary<Damage> = fc.record({
  place: fc.nat(400),
  length: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(4), fc.nat(100)),
  text: fc.oneof(
    snippet,
    snippet,
    fc.constant(''),
    fc.tuple(entry, fc.nat(100)).map(([{ text }, from]) => text.slice(from, from + 80)),
  ),
})

function damaged({ text }: CorpusEntry, damages: readonly Damage[]): string {
  return damages.reduce((whole, { place, length, text }) => {
    const at = place % (whole.length + 1)
    return whole.slice(0, at) + text + whole.slice(at + length)
  }, text)
}

/** What stands behind the heads that were told; every one of them ends with an empty line. */
function behindHeads(text: string, heads: number): string {
  let at = 0
  for (let i = 0; i < heads; i += 1) at = text.indexOf('\r\n\r\n', at) + 4
  return text.slice(at)
}

/** The content of chunks as far as it goes, read in the plainest way. */
function contentOfChunks(text: string): string {
  const line = /^([0-9a-f]+)(?:;[^\r\n]*)?\r\n/i.exec(text)
  const size = Number.parseInt(line?.[1] ?? '0', 16)
  if (line === null || size === 0) return ''
  const rest = text.slice(line[0].length)
  return rest.slice(0, size) + (rest.startsWith('\r\n', size) ? contentOfChunks(rest.slice(size + 2)) : '')
}

/** The body by its framing, as far as it has come. */
function framedBody(text: string, { head, interims }: Reading): string {
  if (head === undefined) return ''
  const rest = behindHeads(text, interims.length + 1)
  if (head.bodyLength !== undefined) return rest.slice(0, head.bodyLength)
  const isChunked = head.fields.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'transfer-encoding')
  return isChunked ? contentOfChunks(rest) : rest
}

t.test('damaged responses are read or refused in the same way in every cut, and never too far', async (t) => {
  const seen = { read: 0, refused: 0, bodies: 0 }
  const property = fc.property(
    entry,
    fc.array(damage, { minLength: 1, maxLength: 3 }),
    fc.array(fc.nat(1_500), { minLength: 1, maxLength: 8 }),
    (entry, damages, places) => {
      const text = damaged(entry, damages)
      const bytes = Buffer.from(text, 'latin1')
      const read = (pieces: readonly Buffer[]) => readResponse({ method: entry.method, pieces, limits })
      const whole = read([bytes])
      assert.deepEqual(read(cutAt(bytes, places)), whole)
      assert.deepEqual(read(byteByByte(bytes)), whole)
      const body = framedBody(text, whole)
      assert.equal(whole.body, whole.isEnded ? body : body.slice(0, whole.body.length))
      seen[whole.refusal === '' ? 'read' : 'refused'] += 1
      seen.bodies += whole.body === '' ? 0 : 1
    },
  )
  await t.resolves(async () => fc.assert(property, { numRuns: 2_000 }))
  t.ok(Math.min(seen.read, seen.refused, seen.bodies) > 100, `enough of each: ${JSON.stringify(seen)}`)
})
