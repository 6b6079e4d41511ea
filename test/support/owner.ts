/** Whoever ends what is started for it: a test, or a run outside of tests. */
export interface Owner {
  teardown(end: () => unknown): void
}

/** An owner for programs that are no test. What is registered first ends last, as with a test. */
export class RunOwner implements Owner {
  readonly #ends: (() => unknown)[] = []

  teardown(end: () => unknown): void {
    this.#ends.unshift(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end()
  }
}
