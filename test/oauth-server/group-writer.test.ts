import fc from 'fast-check'
import t from 'tap'
import { GroupWriter } from '../../oauth-server/store/group-writer.ts'

t.test('rows that come together are written together, and told so only then', async (t) => {
  const written: number[][] = []
  const isTold = new Set<number>()
  let release: () => void = () => undefined
  const writer = new GroupWriter<number>(async (rows) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    written.push([...rows])
  })
  const adding = [1, 2, 3].map((row) => writer.add(row).then(() => isTold.add(row)))
  await turns()
  t.strictSame([...isTold], [], 'nobody is told before the rows are stored')
  const later = writer.add(4)
  release()
  await Promise.all(adding)
  t.strictSame(written, [[1, 2, 3]])
  await turns()
  release()
  await later
  t.strictSame(written, [[1, 2, 3], [4]])
})

t.test('each row is stored once or refused by its own fault, whatever comes when', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ isBad: fc.boolean(), pause: fc.nat(2) }), { maxLength: 300 }),
      async (rows) => {
        const stored: number[] = []
        const writer = new GroupWriter<number>(async (group) => {
          t.ok(group.length <= 100)
          if (group.some((row) => rows[row]?.isBad)) throw new Error('a bad row')
          await turns()
          stored.push(...group)
        })
        const results: Promise<boolean>[] = []
        for (const [row, { pause }] of rows.entries()) {
          results.push(
            writer.add(row).then(
              () => stored.includes(row),
              () => false,
            ),
          )
          for (let turn = 0; turn < pause; turn += 1) await turns()
        }
        const isStored = await Promise.all(results)
        t.strictSame(
          isStored,
          rows.map(({ isBad }) => !isBad),
        )
        t.equal(new Set(stored).size, stored.length, 'none twice')
      },
    ),
    { numRuns: 50 },
  )
})

t.test('where the store is away nobody waits for the others to fail one by one', async (t) => {
  let calls = 0
  const writer = new GroupWriter<number>(async () => {
    calls += 1
    throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' })
  })
  const results = await Promise.allSettled([1, 2, 3].map((row) => writer.add(row)))
  t.strictSame(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(calls, 1)
})

t.test('what waits is bounded', async (t) => {
  const writer = new GroupWriter<number>(() => new Promise(() => undefined))
  const adding = Array.from({ length: 5_001 }, (_, row) => writer.add(row))
  await t.rejects(adding.at(-1) ?? Promise.resolve(), { name: 'StoreOverloaded' })
})

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
