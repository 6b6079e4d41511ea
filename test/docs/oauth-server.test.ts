/** The commands of the page are held against the program: a flag that is gone, or never was, is found here. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { createProgram } from '../../cli/program.ts'
import { readOAuthServerConfig } from '../../oauth-server/config/settings.ts'
import { parseCommand } from '../support/parse-command.ts'

const page = readFileSync(new URL('../../docs/oauth-server.md', import.meta.url), 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  )

t.test('every command of the page is one that the program takes, with these options', async (t) => {
  const lines = blocks('sh').flatMap((text) => [...text.matchAll(/^ *passerelle (.+)$/gm)])
  t.ok(lines.length > 20)
  for (const [, line = ''] of lines) {
    const words = (line.replace(/ +#.*$/, '').match(/"[^"]*"|\S+/g) ?? []).map((word) =>
      word.replaceAll('"', ''),
    )
    await t.resolves(parseCommand(await createProgram(), words), line)
  }
})

t.test('every option that a table of the page names is one of client create', async (t) => {
  const create = (await createProgram()).commands
    .find((command) => command.name() === 'client')
    ?.commands.find((command) => command.name() === 'create')
  const known = create?.options.map(({ long }) => long)
  const named = [...page.matchAll(/^\|.*$/gm)].flatMap(([row]) => row.match(/--[a-z][a-z-]+/g) ?? [])
  t.ok(named.length > 5)
  for (const option of named) t.ok(known?.includes(option), option)
})

t.test('the example is a configuration that the server takes', async (t) => {
  const folder = t.testdir({ 'oauth-server.yaml': blocks('yaml')[0] ?? '' })
  const env = {
    POSTGRES_PASSWORD: 'one',
    KEY_ENCRYPTION_KEY: 'k'.repeat(43),
    REVOCATION_SECRET: 'sixteen-characters-or-more',
  }
  const settings = readOAuthServerConfig(`${folder}/oauth-server.yaml`, env)
  t.equal(settings.issuer, parse(blocks('yaml')[0] ?? '').issuer)
  t.equal(settings.gateways.length, 1)
})

t.test('every link of the page leads to a file that exists, and to a heading that it has', async (t) => {
  for (const [, file = '', anchor] of page.matchAll(/\]\(([\w./-]*)(?:#([\w-]+))?\)/g)) {
    if (file === 'decisions') continue
    const text = file === '' ? page : readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    )
    if (anchor !== undefined) t.ok(anchors.includes(anchor), `${file}#${anchor}`)
  }
})
