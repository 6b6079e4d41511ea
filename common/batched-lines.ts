/** Where batches of lines go. */
interface LineOutput {
  write(text: string): unknown
  /** Begins to write what it was given, however little it is. */
  flush(): void
  /** Writes what it was given before it returns. */
  flushSync(): void
}

interface BatchRules {
  /** From how many characters on a batch is written. */
  readonly length: number
  /** Milliseconds after which it is written at the latest. */
  readonly afterMs: number
}

/** What the end of the process would find unwritten. */
const unwritten = new Set<BatchedLines>()

function flushAll(): void {
  for (const lines of unwritten) lines.flush()
}

function flushAllSync(): void {
  for (const lines of unwritten) lines.flushSync()
}

function watchExit(): void {
  process.on('beforeExit', flushAll)
  process.on('exit', flushAllSync)
}

function forgetExit(): void {
  process.off('beforeExit', flushAll)
  process.off('exit', flushAllSync)
}

/** Puts lines together before they are written; what is left is written when the process ends. */
export class BatchedLines {
  readonly #output: LineOutput
  readonly #rules: BatchRules
  #text = ''
  #timer: NodeJS.Timeout | undefined

  constructor(output: LineOutput, rules: BatchRules) {
    this.#output = output
    this.#rules = rules
  }

  write(line: string): void {
    if (this.#text === '') this.#begin()
    this.#text += line
    if (this.#text.length >= this.#rules.length) this.#hand()
  }

  /** Begins to write what there is. */
  flush(): void {
    this.#hand()
    this.#output.flush()
  }

  /** Writes what there is before it returns. */
  flushSync(): void {
    this.#hand()
    this.#output.flushSync()
  }

  #begin(): void {
    if (unwritten.size === 0) watchExit()
    unwritten.add(this)
    this.#timer ??= setTimeout(() => this.flush(), this.#rules.afterMs).unref()
    this.#timer.refresh()
  }

  #hand(): void {
    const text = this.#text
    this.#text = ''
    unwritten.delete(this)
    if (unwritten.size === 0) forgetExit()
    if (text !== '') this.#output.write(text)
  }
}
