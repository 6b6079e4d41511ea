/** A value of a structured field. Tokens, dates and display strings are not used here, and refused. */
export type BareItem = string | number | boolean | Buffer

export interface StructuredItem {
  readonly value: BareItem
  readonly parameters: ReadonlyMap<string, BareItem>
}

/**
 * Parses a List of Items as RFC 9651 §4.2 prescribes, step by step, and fails where it says to fail. Written for tests:
 * nothing is let pass that the algorithm does not name.
 */
export function parseStructuredList(field: string): StructuredItem[] {
  const reader = new Reader(field)
  reader.skip(' ')
  const items: StructuredItem[] = []
  while (!reader.isAtEnd) {
    items.push({ value: parseBareItem(reader), parameters: parseParameters(reader) })
    reader.skip(' \t')
    if (reader.isAtEnd) return items
    reader.expect(',')
    reader.skip(' \t')
    if (reader.isAtEnd) throw reader.fault('a comma at the end')
  }
  return items
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text.replace(/ +$/, '')
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  peek(): string {
    return this.#text.charAt(this.#at)
  }

  take(): string {
    const character = this.peek()
    this.#at += 1
    return character
  }

  skip(characters: string): void {
    while (!this.isAtEnd && characters.includes(this.peek())) this.#at += 1
  }

  expect(character: string): void {
    if (this.take() !== character) throw this.fault(`no ${character}`)
  }

  fault(what: string): Error {
    return new Error(`${what} at ${this.#at} of ${this.#text}`)
  }
}

function parseParameters(reader: Reader): Map<string, BareItem> {
  const parameters = new Map<string, BareItem>()
  while (reader.peek() === ';') {
    reader.take()
    reader.skip(' ')
    const key = parseKey(reader)
    let value: BareItem = true
    if (reader.peek() === '=') {
      reader.take()
      value = parseBareItem(reader)
    }
    parameters.delete(key)
    parameters.set(key, value)
  }
  return parameters
}

function parseKey(reader: Reader): string {
  if (!/[a-z*]/.test(reader.peek())) throw reader.fault('no key')
  let key = ''
  while (/[a-z0-9_.*-]/.test(reader.peek())) key += reader.take()
  return key
}

function parseBareItem(reader: Reader): BareItem {
  if (/[-0-9]/.test(reader.peek())) return parseNumber(reader)
  if (reader.peek() === '"') return parseString(reader)
  if (reader.peek() === '?') return parseBoolean(reader)
  if (reader.peek() === ':') return parseBytes(reader)
  throw reader.fault('no item')
}

function parseNumber(reader: Reader): number {
  const sign = reader.peek() === '-' ? reader.take() : ''
  let digits = ''
  while (/[0-9.]/.test(reader.peek())) {
    if (reader.peek() === '.' && digits.includes('.')) break
    digits += reader.take()
  }
  const [whole = '', fraction] = digits.split('.')
  const isInteger = fraction === undefined && /^\d{1,15}$/.test(whole)
  const isDecimal = fraction !== undefined && /^\d{1,12}$/.test(whole) && /^\d{1,3}$/.test(fraction)
  if (!isInteger && !isDecimal) throw reader.fault('no number')
  return Number(sign + digits)
}

function parseString(reader: Reader): string {
  reader.expect('"')
  let text = ''
  while (!reader.isAtEnd) {
    const character = reader.take()
    if (character === '"') return text
    if (character === '\\') {
      if (reader.peek() !== '"' && reader.peek() !== '\\') throw reader.fault('a wrong escape')
      text += reader.take()
    } else if (/[\x20-\x7e]/.test(character)) text += character
    else throw reader.fault('a character that no string holds')
  }
  throw reader.fault('a string without an end')
}

function parseBoolean(reader: Reader): boolean {
  reader.expect('?')
  const digit = reader.take()
  if (digit !== '0' && digit !== '1') throw reader.fault('no boolean')
  return digit === '1'
}

function parseBytes(reader: Reader): Buffer {
  reader.expect(':')
  let base64 = ''
  while (/[A-Za-z0-9+/=]/.test(reader.peek())) base64 += reader.take()
  reader.expect(':')
  return Buffer.from(base64, 'base64')
}
