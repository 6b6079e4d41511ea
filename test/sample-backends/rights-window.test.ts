import t from 'tap'
import type { RunningServer } from '../../common/running-server.ts'
import { ask, askAsEditor, noon, startPrograms, walk } from './support/sample-servers.ts'

interface RightsWindow {
  readonly start: string | null
  readonly end: string | null
}

t.test(
  'a rights window holds its first millisecond and not its end, and null leaves a side open',
  async (t) => {
    let now = noon
    const server = await startPrograms(t, { now: () => now })
    const pages = await walk((target) => askAsEditor(server, target), '/api1/programs?page[size]=100')
    const published = pages.flatMap((page) => page.data).filter((program) => program.attributes.published)
    const at = async (time: number, id: string) => {
      now = new Date(time)
      return isSeen(server, id)
    }

    let starts = 0
    let ends = 0
    for (const { id, attributes } of published) {
      const { start, end } = attributes.rightsWindow as RightsWindow
      const startTime = start === null ? undefined : Date.parse(start)
      const endTime = end === null ? undefined : Date.parse(end)
      if (startTime !== undefined) {
        starts += 1
        t.notOk(await at(startTime - 1, id), `${id} just before its start`)
        t.ok(await at(startTime, id), `${id} at its start`)
      } else t.ok(await at(0, id), `${id} long ago`)
      if (endTime !== undefined) {
        ends += 1
        t.ok(await at(endTime - 1, id), `${id} just before its end`)
        t.notOk(await at(endTime, id), `${id} at its end`)
      } else t.ok(await at(Date.parse('2099-01-01'), id), `${id} in a far future`)
    }
    t.ok(starts > 50 && ends > 50, 'the sample has both bounds')
  },
)

t.test('the sample has windows that have passed, that are to come, and that are open', async (t) => {
  const server = await startPrograms(t)
  const pages = await walk((target) => askAsEditor(server, target), '/api1/programs?page[size]=100')
  const windows = pages
    .flatMap((page) => page.data)
    .map(({ attributes }) => attributes.rightsWindow as RightsWindow)
  t.ok(windows.some(({ end }) => end !== null && new Date(end) <= noon))
  t.ok(windows.some(({ start }) => start !== null && new Date(start) > noon))
  t.ok(windows.some(({ start, end }) => start === null && end === null))
})

async function isSeen(server: RunningServer, id: string): Promise<boolean> {
  return (await ask(server, `/api1/programs/${id}`, { 'X-Roles': 'USER' })).status === 200
}
