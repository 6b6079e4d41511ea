/**
 * The package as its users get it: compiled, packed, installed in an empty folder with nothing but its production
 * dependencies, and started.
 */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createProgram } from '../cli/program.ts'
import { needs, npmRegistry } from './support/services.ts'

const timeoutMs = 300_000
t.setTimeout(timeoutMs)

t.test(
  'the packed command starts where nothing but the package is installed',
  await needs(npmRegistry),
  async (t) => {
    await run(process.cwd(), 'npm', 'run', 'build')
    const compiled = readdirSync('dist', { recursive: true, encoding: 'utf8' })
    t.same(
      compiled.filter((file) => file.endsWith('.ts')),
      [],
      'nothing in dist is still TypeScript',
    )

    const folder = t.testdir({ installed: { 'package.json': '{ "private": true }' } })
    // Without scripts, for `prepare` would build tap anew under the tests that run beside this one.
    const packed = await run(
      process.cwd(),
      'npm',
      'pack',
      '--ignore-scripts',
      '--json',
      '--pack-destination',
      folder,
    )
    const [{ filename, files }] = JSON.parse(packed)
    const paths: string[] = files.map(({ path }: { path: string }) => path)
    const expected =
      /^(?:dist\/.+\.js|docs\/.+\.(?:md|schema\.json)|package\.json|(?:README|CHANGELOG)\.md|LICENSE)$/
    t.same(
      paths.filter((path) => !expected.test(path)),
      [],
      'nothing is packed that nobody needs',
    )

    const installed = join(folder, 'installed')
    await run(
      installed,
      'npm',
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      join(folder, filename),
    )
    const help = await run(installed, 'npx', '--no-install', 'passerelle', '--help')
    for (const command of (await createProgram()).commands)
      t.match(help, new RegExp(`^  ${command.name()}\\b`, 'm'))
  },
)

/**
 * Runs a program on the Node that runs this test, and gives its output. tap measures every process below it by a loader
 * in NODE_OPTIONS, under which the TypeScript compiler does not start; it adds that at each spawn, so `env` takes it out.
 */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter)
  const options = { cwd, env: { ...process.env, PATH }, timeout: timeoutMs }
  const { stdout } = await promisify(execFile)('env', ['-u', 'NODE_OPTIONS', program, ...args], options)
  return stdout
}
