import fc from 'fast-check'
import { Command } from 'ioredis'
import t from 'tap'
import { bucketOfTag, findBucket, slotOfKey } from '../../../gateway/store/buckets.ts'

t.test('a tag has the bucket that it always had', async (t) => {
  t.same(['', 'a', 'client', 'é', '🂡'].map(bucketOfTag), ['b197', 'b237', 'b159', 'b79', 'b213'])
})

t.test('every tag has one of 256 buckets, and many tags use them about equally', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (tag) =>
      /^b(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/.test(bucketOfTag(tag)),
    ),
  )
  const counts = new Map<string, number>()
  for (let index = 0; index < 25_600; index += 1) {
    const bucket = bucketOfTag(`client-${index}`)
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  t.equal(counts.size, 256)
  t.ok(Math.max(...counts.values()) < 200, 'where 100 is the mean')
})

t.test('the slot of a key is the one that Redis computes, whatever follows the bucket', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.string(), (bucket, rest) => {
      const key = `test:{b${bucket}}:${rest}`
      return slotOfKey(key) === new Command('get', [key]).getSlot()
    }),
  )
})

t.test('the buckets spread over three primaries, none of which has more than half of them', async (t) => {
  const slots = Array.from({ length: 256 }, (_, index) => slotOfKey(`{b${index}}`) ?? -1)
  const shares = [0, 1, 2].map(
    (third) => slots.filter((slot) => Math.floor((slot * 3) / 16_384) === third).length,
  )
  t.ok(Math.max(...shares) < 128, shares.join(' '))
  t.equal(
    findBucket(() => false),
    undefined,
  )
  t.equal(
    findBucket((slot) => slot === slotOfKey('x:{b77}:y')),
    'b77',
  )
  t.equal(slotOfKey('foreign'), undefined)
})
