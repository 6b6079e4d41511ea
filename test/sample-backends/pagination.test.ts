import t from 'tap'
import { askAsUser, startPrograms, type TestDocument, walk } from './support/sample-servers.ts'

t.test('next leads through the whole collection once, whatever the page size and the order', async (t) => {
  const server = await startPrograms(t)
  const askPage = (target: string) => askAsUser(server, target)
  const whole = (await walk(askPage, '/api1/programs?page[size]=100')).flatMap(ids).toSorted()
  for (const query of [
    'page[size]=7',
    'page[size]=37&sort=-title',
    'sort=duration,-broadcastAt',
    'page[size]=1&filter[kind]=film',
  ]) {
    const pages = await walk(askPage, `/api1/programs?${query}`)
    const walked = pages.flatMap(ids)
    t.equal(new Set(walked).size, walked.length, `${query} repeats nothing`)
    t.equal(walked.length, pages[0]?.meta.total, `${query} misses nothing`)
    if (!query.includes('filter')) t.same(walked.toSorted(), whole)
  }
})

t.test('prev leads back from the last page over the same pages', async (t) => {
  const server = await startPrograms(t)
  const askPage = (target: string) => askAsUser(server, target)
  const forth = await walk(askPage, '/api1/programs?page[size]=50&sort=title')
  const back: TestDocument[] = []
  for (let target = forth[0]?.links.last; target; target = back.at(-1)?.links.prev)
    back.push(await askPage(target))
  t.same(back.reverse().map(ids), forth.map(ids))
  t.equal(forth[0]?.links.prev, null)
  t.equal(forth.at(-1)?.links.next, null)
})

t.test('links keep the other parameters of the request', async (t) => {
  const server = await startPrograms(t)
  const { links } = await askAsUser(
    server,
    '/api1/programs?sort=title&page[size]=5&include=videos&page[number]=2',
  )
  for (const [name, number] of [
    ['first', '1'],
    ['prev', '1'],
    ['next', '3'],
    ['self', '2'],
  ] as const) {
    const query = new URL(links[name] ?? '', server.url).searchParams
    t.same(Object.fromEntries(query), {
      sort: 'title',
      'page[size]': '5',
      include: 'videos',
      'page[number]': number,
    })
  }
})

t.test('a page past the end is empty and leads back to the last one', async (t) => {
  const server = await startPrograms(t)
  const { data, links, meta } = await askAsUser(server, '/api1/programs?page[number]=1000000&page[size]=100')
  t.same(data, [])
  t.ok(meta.total > 0)
  t.equal(links.next, null)
  t.equal(links.prev, links.last)
})

function ids(page: TestDocument): readonly string[] {
  return page.data.map(({ id }) => id)
}
