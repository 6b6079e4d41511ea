import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'

/** A program with this one command, as the whole one would call it. */
const program = `
  import { Command } from 'commander'
  import { sampleBackendsCommand } from './cli/sample-backends.ts'
  await new Command('passerelle').addCommand(sampleBackendsCommand()).parseAsync()
    .catch((error) => { console.error(error.message); process.exitCode = 1 })`

function run(...options: readonly string[]) {
  const words = ['--input-type=module-typescript', '--eval', program, '--', 'sample-backends', ...options]
  return spawn(process.execPath, words, { cwd: new URL('../..', import.meta.url), stdio: 'pipe' })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`both services run until ${signal} ends them cleanly`, async (t) => {
    const child = run('--programs', '127.0.0.1:0', '--open', '127.0.0.1:0', '--roles-header', 'X-House-Roles')
    const urls: string[] = []
    for await (const line of createInterface(child.stdout)) {
      urls.push(JSON.parse(line).url)
      if (urls.length === 2) break
    }
    const programs = await fetch(`${urls[0]}/api1`, { headers: { 'X-House-Roles': 'USER' } })
    t.equal(programs.status, 200)
    t.equal((await fetch(`${urls[1]}/api2`)).status, 200)
    child.kill(signal)
    t.same(await once(child, 'exit'), [0, null])
  })
}

t.test('a wrong option is refused with the rule', async (t) => {
  for (const options of [
    ['--programs', 'nowhere'],
    ['--open', '127.0.0.1:99999'],
    ['--roles-header', 'X Roles'],
  ]) {
    const child = run(...options)
    const [text] = await Promise.all([child.stderr.toArray(), once(child, 'exit')])
    t.equal(child.exitCode, 1)
    t.match(text.join(''), `argument '${options[1]}' is invalid. It must be`)
  }
})

t.test('when the second service cannot start, the first is closed and the command fails', async (t) => {
  const child = run('--programs', '127.0.0.1:0', '--open', '192.0.2.1:80')
  const [text] = await Promise.all([child.stderr.toArray(), once(child, 'exit')])
  t.equal(child.exitCode, 1)
  t.match(text.join(''), /^the sample open API cannot listen on 192\.0\.2\.1:80: [^\n]+\n$/)
})
