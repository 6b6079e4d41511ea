import t from 'tap'
import { ask, askAsEditor, askAsUser, startPrograms, walk } from './support/sample-servers.ts'

t.test('a parameter that is unknown, repeated or has a bad value is refused by its name', async (t) => {
  const server = await startPrograms(t)
  const refused = [
    ['/api1?page[size]=1', 'page[size]'],
    ['/api1/programs?limit=3', 'limit'],
    ['/api1/programs?page[size]=1&page[size]=2', 'page[size]'],
    ['/api1/programs?page[size]=0', 'page[size]'],
    ['/api1/programs?page[size]=101', 'page[size]'],
    ['/api1/programs?page[size]=', 'page[size]'],
    ['/api1/programs?page[number]=1.5', 'page[number]'],
    ['/api1/programs?page[number]=-1', 'page[number]'],
    ['/api1/programs?page[number]=1000001', 'page[number]'],
    ['/api1/programs?filter[kind]=opera', 'filter[kind]'],
    ['/api1/programs?filter[language]=fr,de', 'filter[language]'],
    ['/api1/programs?filter[title]=Rhin', 'filter[title]'],
    ['/api1/programs?sort=producer', 'sort'],
    ['/api1/programs?sort=title,-title', 'sort'],
    ['/api1/programs?sort=title%20DESC', 'sort'],
    ['/api1/programs?include=images', 'include'],
    ['/api1/programs?include=videos.program', 'include'],
    ['/api1/programs?fields[programs]=title,secret', 'fields[programs]'],
    ['/api1/programs?fields[users]=name', 'fields[users]'],
    ['/api1/programs/100001?sort=title', 'sort'],
    ['/api1/programs/100001/videos?include=videos', 'include'],
    ['/api1/videos/100001-1?include=videos', 'include'],
  ] as const
  for (const [target, parameter] of refused) {
    const { status, text } = await ask(server, target, { 'X-Roles': 'USER' })
    t.equal(status, 400, target)
    t.match(JSON.parse(text), { errors: [{ status: '400', source: { parameter } }] }, target)
  }
})

t.test('filters keep what they name and nothing else', async (t) => {
  const server = await startPrograms(t)
  const askPage = (target: string) => askAsEditor(server, target)
  const all = (await walk(askPage, '/api1/programs?page[size]=100')).flatMap((page) => page.data)
  const wanted = all.filter(
    ({ attributes: { kind, languages } }) => kind === 'film' && isListed(languages, 'de'),
  )
  const target = '/api1/programs?page[size]=100&filter[kind]=film&filter[language]=de'
  const filtered = (await walk(askPage, target)).flatMap((page) => page.data)
  t.ok(wanted.length > 0)
  t.same(filtered, wanted)
})

t.test('programmes sort by several fields, up and down, titles without regard to accents', async (t) => {
  const server = await startPrograms(t)
  const pages = await walk(
    (target) => askAsEditor(server, target),
    '/api1/programs?page[size]=100&sort=title,-broadcastAt',
  )
  const found = pages.flatMap((page) => page.data)
  const collator = new Intl.Collator('fr', { sensitivity: 'base', ignorePunctuation: true })
  const firstWords = found.map(({ attributes }) => String(attributes.title).replace(/[^\p{L}].*/u, ''))
  t.same(firstWords, firstWords.toSorted(collator.compare))
  const pairs = found.slice(1).map((program, index) => [found[index], program] as const)
  const twins = pairs.filter(([left, right]) => left?.attributes.title === right.attributes.title)
  t.ok(twins.length > 10, 'the sample has titles that are alike')
  t.ok(
    twins.every(
      ([left, right]) => String(left?.attributes.broadcastAt) >= String(right.attributes.broadcastAt),
    ),
  )
})

t.test('sparse fields leave what was asked for, in primary and in included resources', async (t) => {
  const server = await startPrograms(t)
  const { data, included } = await askAsUser(
    server,
    '/api1/programs?include=videos&fields[programs]=title,videos&fields[videos]=language',
  )
  t.ok(
    data.every(
      ({ attributes, relationships }) => hasOnly(attributes, 'title') && hasOnly(relationships, 'videos'),
    ),
  )
  t.ok(included?.every((video) => hasOnly(video.attributes, 'language') && !('relationships' in video)))
  const bare = await askAsUser(server, '/api1/programs?fields[programs]=')
  t.ok(bare.data.every((program) => hasOnly(program.attributes) && !('relationships' in program)))
})

t.test('a video brings its programme along, and an empty include brings nothing', async (t) => {
  const server = await startPrograms(t)
  for (const path of ['/api1/videos/100001-1', '/api1/programs/100001/videos']) {
    const { included } = await askAsUser(server, `${path}?include=program`)
    t.same(
      included?.map(({ type, id }) => `${type}/${id}`),
      ['programs/100001'],
    )
    t.notOk('included' in (await askAsUser(server, `${path}?include=`)))
  }
})

function hasOnly(fields: object, ...names: readonly string[]): boolean {
  return JSON.stringify(Object.keys(fields)) === JSON.stringify(names)
}

function isListed(list: unknown, item: string): boolean {
  return Array.isArray(list) && list.includes(item)
}
