/**
 * Forgets what has been in a map or a set for longest, where it holds more than `most`: both keep the order of insertion.
 * Where a flood of new entries is to be expected, many should go at once: one at a time looks each time through the gaps
 * that those before have left at the beginning.
 */
export function forgetOldest<Key>(
  entries: { readonly size: number; keys(): Iterable<Key>; delete(key: Key): unknown },
  most: number,
  atOnce = 1,
): void {
  if (entries.size <= most) return
  let left = atOnce
  for (const oldest of entries.keys()) {
    entries.delete(oldest)
    left -= 1
    if (left === 0) return
  }
}
