import t from 'tap'
import {
  ask,
  askAsEditor,
  askAsUser,
  noon,
  startPrograms,
  type TestResource,
  walk,
} from './support/sample-servers.ts'

interface RightsWindow {
  readonly start: string | null
  readonly end: string | null
}

const everything = '/api1/programs?page[size]=100&include=videos'

t.test('a user sees exactly the published programmes whose rights window is open', async (t) => {
  const server = await startPrograms(t)
  const editorPages = await walk((target) => askAsEditor(server, target), everything)
  const userPages = await walk((target) => askAsUser(server, target), everything)
  const all = editorPages.flatMap((page) => page.data)
  const expected = all
    .filter((program) => program.attributes.published && isOpen(program))
    .map(({ id }) => id)
  t.equal(all.length, 300)
  t.ok(expected.length > 100 && expected.length < 290, 'the sample has both kinds')
  t.same(
    userPages.flatMap((page) => page.data.map(({ id }) => id)),
    expected,
  )
})

t.test('the count and the included videos agree with the programmes that a role sees', async (t) => {
  const server = await startPrograms(t)
  for (const askPage of [askAsUser, askAsEditor]) {
    const pages = await walk((target) => askPage(server, target), everything)
    const programs = pages.flatMap((page) => page.data)
    const videos = pages.flatMap((page) => page.included ?? [])
    t.ok(pages.every((page) => page.meta.total === programs.length))
    t.same(videos.map(({ id }) => id).toSorted(), programs.flatMap(linkedVideos).toSorted())
  }
})

t.test('what a user may not see is unknown to it at every address', async (t) => {
  const server = await startPrograms(t)
  const pages = await walk((target) => askAsEditor(server, target), everything)
  const unpublished = pages.flatMap((page) => page.data).find((program) => !program.attributes.published)
  const [video] = unpublished === undefined ? [] : linkedVideos(unpublished)
  const paths = [
    `/api1/programs/${unpublished?.id}`,
    `/api1/programs/${unpublished?.id}/videos`,
    `/api1/videos/${video}`,
  ]
  for (const path of paths) {
    t.equal((await ask(server, path, { 'X-Roles': 'EDITOR' })).status, 200, `${path} for an editor`)
    t.equal((await ask(server, path, { 'X-Roles': 'USER' })).status, 404, `${path} for a user`)
  }
})

t.test('only an editor sees, or may ask for, the fields published and rightsWindow', async (t) => {
  const server = await startPrograms(t)
  const [seenByUser] = (await askAsUser(server, '/api1/programs')).data
  const [seenByEditor] = (await askAsEditor(server, '/api1/programs')).data
  t.notOk('published' in (seenByUser?.attributes ?? {}) || 'rightsWindow' in (seenByUser?.attributes ?? {}))
  t.ok('published' in (seenByEditor?.attributes ?? {}) && 'rightsWindow' in (seenByEditor?.attributes ?? {}))
  const sparse = '/api1/programs?fields[programs]=published'
  t.equal((await ask(server, sparse, { 'X-Roles': 'USER' })).status, 400)
  t.equal((await ask(server, sparse, { 'X-Roles': 'EDITOR' })).status, 200)
})

t.test('a caller without a known role is refused, whatever the address and the parameters', async (t) => {
  const server = await startPrograms(t)
  for (const roles of ['', 'GUEST', 'user', 'SUPERUSER', 'USER EDITOR', 'USER;EDITOR']) {
    for (const path of ['/api1', '/api1/programs', '/api1/videos/none', '/api1/programs?nonsense=1'])
      t.equal((await ask(server, path, { 'X-Roles': roles })).status, 403, `${path} for ${roles}`)
  }
  t.equal((await ask(server, '/api1/programs')).status, 403, 'no header at all')
})

t.test('roles are read from a list, from the header that the settings name', async (t) => {
  const server = await startPrograms(t, { rolesHeader: 'X-House-Roles' })
  const listed = await ask(server, '/api1', { 'X-House-Roles': 'GUEST, USER ,PRESS' })
  t.equal(listed.status, 200)
  t.equal(listed.headers.vary, 'X-House-Roles, Accept')
  t.equal((await ask(server, '/api1', { 'X-Roles': 'USER' })).status, 403)
})

function isOpen(program: TestResource): boolean {
  const { start, end } = program.attributes.rightsWindow as RightsWindow
  return (start === null || new Date(start) <= noon) && (end === null || noon < new Date(end))
}

function linkedVideos(program: TestResource): readonly string[] {
  const linkage = (program.relationships.videos?.data ?? []) as readonly { id: string }[]
  return linkage.map(({ id }) => id)
}
