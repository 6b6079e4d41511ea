/** Random numbers from 0 to below 1 that are the same for the same seed: a linear congruential generator. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // The multiplier and increment of Numerical Recipes, modulo 2^32; its high bits are the good ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
