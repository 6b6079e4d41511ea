/** A copy of a body that passes; given up, and forgotten, once it is over its bound. */
export class BoundedCopy {
  readonly #maxBytes: number
  #chunks: Buffer[] | undefined = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** How many bytes have passed. */
  get length(): number {
    return this.#length
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length
    if (this.#length > this.#maxBytes) this.#chunks = undefined
    // The bytes may be part of a buffer that is used again as soon as they have been handed on.
    else this.#chunks?.push(Buffer.from(chunk))
  }

  /** What has passed, as UTF-8; `undefined` when it was too much. */
  read(): string | undefined {
    return this.#chunks === undefined ? undefined : Buffer.concat(this.#chunks).toString('utf8')
  }
}
