import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ask, noon, startPrograms } from './support/sample-servers.ts'

const targets = [
  '/api1/programs?page[size]=100&include=videos',
  '/api1/programs?page[size]=100&page[number]=3&sort=-title&include=videos',
  '/api1/programs?filter[language]=de&sort=duration',
]

t.test('two starts on one day answer alike, to the byte', async (t) => {
  const evening = new Date(noon.getTime() + 8 * 3_600_000)
  const first = await startPrograms(t)
  const second = await startPrograms(t, { now: alternating(evening, noon) })
  for (const target of targets) {
    const headers = { 'X-Roles': 'EDITOR' }
    t.equal((await ask(first, target, headers)).text, (await ask(second, target, headers)).text, target)
  }
})

t.test('a file is filled once, and a later start finds it as it was', async (t) => {
  const database = join(tmpdir(), `sample-programs-${process.pid}.sqlite`)
  t.teardown(() => rm(database))
  const first = await startPrograms(t, { database })
  const nextMonth = new Date('2026-04-15T00:00:00.000Z')
  const second = await startPrograms(t, { database, now: alternating(nextMonth, noon) })
  for (const target of targets) {
    const headers = { 'X-Roles': 'EDITOR' }
    t.equal((await ask(first, target, headers)).text, (await ask(second, target, headers)).text, target)
  }
})

/** A clock for a start at one moment and the requests at another. */
function alternating(start: Date, later: Date): () => Date {
  let isStarting = true
  return () => {
    if (!isStarting) return later
    isStarting = false
    return start
  }
}
