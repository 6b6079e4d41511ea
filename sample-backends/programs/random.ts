/** Random numbers that are the same ones again for the same seed. */
export interface SeededRandom {
  /** A whole number from `low` to `high`, both inside. */
  between(low: number, high: number): number
  pick<Item>(items: readonly [Item, ...Item[]]): Item
}

/**
 * The minimal standard generator of Park and Miller, with its multiplier of 1993: weak, and good enough for sample data.
 * The seed is a whole number from 1 to 2^31 - 2.
 */
export function createSeededRandom(seed: number): SeededRandom {
  const modulus = 2 ** 31 - 1
  let state = seed
  const between = (low: number, high: number) => {
    state = (state * 48_271) % modulus
    return low + Math.floor((state / modulus) * (high - low + 1))
  }
  return { between, pick: (items) => items[between(0, items.length - 1)] ?? items[0] }
}
