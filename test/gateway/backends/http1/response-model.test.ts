/** Responses built from a model: the parser tells the model, however they are cut. */
import fc from 'fast-check'
import t from 'tap'
import { cutAt, type Reading, readResponse } from '../../../support/read-response.ts'

interface Model {
  readonly method: string
  readonly isOldVersion: boolean
  readonly interims: readonly number[]
  readonly status: number
  readonly reason: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly options: readonly string[]
  readonly framing: 'length' | 'chunked' | 'until close'
  readonly chunks: readonly string[]
  readonly extension: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
}

const tokenCharacters = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const framingNames = ['connection', 'content-length', 'transfer-encoding']
const token = fc
  .string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 20 })
  .filter((name) => !framingNames.includes(name.toLowerCase()))
const latin1 = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
const text = fc.string({ unit: latin1.filter((char) => /[\t\x20-\x7e\x80-\xff]/.test(char)), maxLength: 30 })
const value = text.map((any) => any.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
const field = fc.tuple(token, value)
const option = fc.constantFrom('close', 'keep-alive', 'Close', 'KEEP-ALIVE', 'x-other', 'closed')

const model: fc.Arbitrary<Model> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD'),
  isOldVersion: fc.boolean(),
  interims: fc.array(fc.integer({ min: 102, max: 199 }), { maxLength: 3 }),
  status: fc.oneof(fc.constantFrom(200, 204, 304), fc.integer({ min: 200, max: 599 })),
  reason: text,
  fields: fc.array(field, { maxLength: 12 }),
  options: fc.array(option, { maxLength: 3 }),
  framing: fc.constantFrom('length', 'chunked', 'until close'),
  chunks: fc.array(fc.string({ unit: latin1, minLength: 1, maxLength: 40 }), { maxLength: 6 }),
  extension: fc.oneof(
    fc.constant(''),
    token.map((name) => `;${name}`),
    fc.tuple(token, token).map(([name, value]) => `;${name}=${value};x`),
    fc.tuple(token, text).map(([name, value]) => `;${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`),
  ),
  trailers: fc.array(field, { maxLength: 3 }),
})

const blanks = fc.constantFrom('', ' ', '\t', ' \t ')

function framingOf({ isOldVersion, framing }: Model): Model['framing'] {
  return isOldVersion && framing === 'chunked' ? 'length' : framing
}

function hasNoBody({ method, status }: Model): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** The fields of a response, the framing ones among the others. */
function allFields(model: Model): (readonly [name: string, value: string])[] {
  const framing = framingOf(model)
  const middle = Math.floor(model.fields.length / 2)
  const own: [string, string][] = model.options.map((option) => ['Connection', option])
  if (framing === 'chunked') own.push(['Transfer-Encoding', 'Chunked'])
  if (framing === 'length') own.push(['content-length', String(model.chunks.join('').length)])
  return [...model.fields.slice(0, middle), ...own, ...model.fields.slice(middle)]
}

function write(model: Model, [before, after]: readonly [string, string]): string {
  const { isOldVersion, interims, status, reason, chunks, extension, trailers } = model
  const version = `HTTP/1.${isOldVersion ? 0 : 1}`
  const lines = (fields: readonly (readonly [string, string])[]) =>
    fields.map(([name, value]) => `${name}:${before}${value}${after}\r\n`).join('')
  const first = interims.map((interim) => `HTTP/1.1 ${interim} Interim\r\n\r\n`).join('')
  const head = `${first}${version} ${status} ${reason}\r\n${lines(allFields(model))}\r\n`
  if (hasNoBody(model)) return head
  if (framingOf(model) !== 'chunked') return head + chunks.join('')
  const parts = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`)
  return `${head}${parts.join('')}0${extension}\r\n${lines(trailers)}\r\n`
}

function expected(model: Model): Reading {
  const { status, interims, options, isOldVersion, chunks } = model
  const framing = framingOf(model)
  const body = hasNoBody(model) ? '' : chunks.join('')
  const isClosing = options.some((option) => option.toLowerCase() === 'close')
  const isKeeping = options.some((option) => option.toLowerCase() === 'keep-alive')
  const isSuspect = status === 204 && framing !== 'until close'
  const endsItself = hasNoBody(model) || framing !== 'until close'
  return {
    interims,
    head: {
      status,
      fields: allFields(model).flat(),
      connection: options.join(','),
      bodyLength: hasNoBody(model) ? 0 : framing === 'length' ? body.length : undefined,
    },
    body,
    isEnded: true,
    refusal: '',
    canBeReused: endsItself && !isSuspect && !isClosing && (!isOldVersion || isKeeping),
  }
}

t.test('the parser tells what a response was built from, however it is cut', async (t) => {
  const property = fc.property(
    model,
    fc.tuple(blanks, blanks),
    fc.array(fc.nat(2_000), { maxLength: 12 }),
    (model, padding, places) => {
      const bytes = Buffer.from(write(model, padding), 'latin1')
      const limits = { maxHeadBytes: 4_096, maxFields: 32 }
      const { head, ...rest } = readResponse({ method: model.method, pieces: cutAt(bytes, places), limits })
      t.match({ ...rest, head }, expected(model))
    },
  )
  await t.resolves(async () => fc.assert(property, { numRuns: 1_000 }))
})
