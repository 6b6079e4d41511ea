/** How many buckets there are: enough to spread over any Cluster, few enough to keep something for each of them. */
const bucketCount = 256

/** The only bucket of a store that is not partitioned. */
export const soleBucket = 'b0'

/**
 * The bucket of a tag in a Cluster, from `b0` to `b255`: FNV-1a over its UTF-16 units, folded to a byte. Processes of
 * different versions share keys, so that it never changes.
 */
export function bucketOfTag(tag: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < tag.length; index += 1)
    hash = Math.imul(hash ^ tag.charCodeAt(index), 0x01000193)
  return `b${((hash >>> 24) ^ (hash >>> 16) ^ (hash >>> 8) ^ hash) & 0xff}`
}

const slots: ReadonlyMap<string, number> = new Map(
  Array.from({ length: bucketCount }, (_, index) => [`b${index}`, slotOfTag(`b${index}`)]),
)

/** Every bucket of a Cluster. */
export const clusterBuckets: readonly string[] = [...slots.keys()]

/** The slot of a Cluster in which a key lies that {@link SharedStore.key} has made; `undefined` for any other key. */
export function slotOfKey(key: string): number | undefined {
  const start = key.indexOf('{')
  return slots.get(key.slice(start + 1, key.indexOf('}', start)))
}

/** The first bucket whose slot fulfils the condition. */
export function findBucket(isWanted: (slot: number) => boolean): string | undefined {
  for (const [bucket, slot] of slots) if (isWanted(slot)) return bucket
  return undefined
}

/** CRC-16 with the polynomial 0x1021, modulo the number of slots: the Redis Cluster specification, "Hash tags". */
function slotOfTag(tag: string): number {
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return crc % 16_384
}
