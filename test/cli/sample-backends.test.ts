import t from 'tap'
import { runPasserelle } from '../support/command.ts'

const anywhere = ['--programs', '127.0.0.1:0', '--open', '127.0.0.1:0']

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`both services run until ${signal} ends them cleanly`, async (t) => {
    const command = runPasserelle(['sample-backends', ...anywhere, '--roles-header', 'X-House-Roles'])
    const [, programsUrl, openUrl] = await command.until(/"url":"([^"]+)"[\s\S]*"url":"([^"]+)"/)
    const programs = await fetch(`${programsUrl}/api1`, { headers: { 'X-House-Roles': 'USER' } })
    t.equal(programs.status, 200)
    t.equal((await fetch(`${openUrl}/api2`)).status, 200)
    t.equal(await command.stop(signal), 0)
  })
}

t.test('a wrong option is refused with the rule', async (t) => {
  for (const options of [
    ['--programs', 'nowhere'],
    ['--open', '127.0.0.1:99999'],
    ['--roles-header', 'X Roles'],
  ]) {
    const command = runPasserelle(['sample-backends', ...options])
    t.equal(await command.ended, 1)
    t.match(command.stderr(), `argument '${options[1]}' is invalid. It must be`)
  }
})

t.test('when the second service cannot start, the first is closed and the command fails', async (t) => {
  const command = runPasserelle(['sample-backends', '--programs', '127.0.0.1:0', '--open', '192.0.2.1:80'])
  t.equal(await command.ended, 1)
  t.match(command.stderr(), /^the sample open API cannot listen on 192\.0\.2\.1:80: [^\n]+\n$/)
})
