import { posix } from 'node:path'

/** A source file, its path counted from the root of the repository. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** The floors of each application, from the top down. A name with `.ts` is a file, the others are folders. */
const floors: Readonly<Record<string, readonly (readonly string[])[]>> = {
  gateway: [
    ['main.ts'],
    ['services.ts'],
    ['app.ts', 'admin'],
    ['handle-request.ts'],
    ['steps'],
    ['tokens', 'throttle', 'backends', 'cache', 'queue', 'observe', 'store'],
    [
      'config',
      'errors.ts',
      'clock.ts',
      'exchange.ts',
      'limit-policy.ts',
      'charge.ts',
      'shared-store.ts',
      'revocation.ts',
      'revocation-intake.ts',
    ],
  ],
  // Its other top-level files stand on the ground floor: see floorOf.
  'oauth-server': [
    ['main.ts'],
    ['services.ts'],
    ['app.ts'],
    ['endpoints', 'admin', 'portal'],
    ['pages'],
    ['grants'],
    ['clients', 'users', 'tokens', 'keys', 'observe', 'gateways'],
    ['store'],
    ['config', 'errors.ts'],
  ],
}

const applications = ['gateway', 'oauth-server', 'sample-backends']

/** What stands beside the program: it may look at everything, and nothing in the program may look at it. */
const besides = ['test', 'bench', 'docs']

/** The files of this repository that a file imports, counted from the root; packages are left out. */
export function importsOf({ path, text }: SourceFile): string[] {
  const specifiers = text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g)
  return [...specifiers].map(([, specifier = '']) => posix.join(posix.dirname(path), specifier))
}

/** What is wrong with a file's imports by HOUSE §3, a sentence each; empty when nothing is. */
export function brokenImportRules(path: string, imports: readonly string[]): string[] {
  return imports.flatMap((imported) => {
    const reason = refusal(path, imported)
    return reason === undefined ? [] : [`${path} imports ${imported}: ${reason}`]
  })
}

function refusal(path: string, imported: string): string | undefined {
  const from = rootOf(path)
  const to = rootOf(imported)
  if (besides.includes(from)) return undefined
  if (besides.includes(to)) return `nothing in the program imports ${to}/`
  if (/^[\w-]+\/config\/load\.ts$/.test(imported) && from !== 'cli' && path !== `${to}/main.ts`)
    return 'only main.ts and cli/ import the loader of a configuration'
  if (from === 'common' && to !== 'common') return 'common/ knows no application'
  if (applications.includes(from) && applications.includes(to) && from !== to)
    return 'applications meet over HTTP and never import each other'
  if (to === 'cli' && from !== 'cli') return 'imports go down, never up'
  return from === to && floors[from] !== undefined ? refusalWithin(path, imported) : undefined
}

/** Within one application: down, or within one folder. On the ground floor single files and config/ may share. */
function refusalWithin(path: string, imported: string): string | undefined {
  const from = floorOf(path)
  const to = floorOf(imported)
  if (from === undefined) return `${path} has no floor in the house`
  if (to === undefined) return `${imported} has no floor in the house`
  if (to < from) return 'imports go down, never up'
  if (to > from || roomOf(path) === roomOf(imported)) return undefined
  const isGround = to === (floors[rootOf(path)]?.length ?? 0) - 1
  return isGround ? undefined : 'imports never go sideways between folders'
}

function floorOf(path: string): number | undefined {
  const plan = floors[rootOf(path)] ?? []
  const floor = plan.findIndex((rooms) => rooms.includes(roomOf(path)))
  if (floor !== -1) return floor
  return rootOf(path) === 'oauth-server' && roomOf(path).endsWith('.ts') ? plan.length - 1 : undefined
}

/** The folder of the repository that a path is in. */
function rootOf(path: string): string {
  return path.split('/', 1)[0] ?? ''
}

/** The folder or the top-level file of its application that a path is in. */
function roomOf(path: string): string {
  return path.split('/')[1] ?? ''
}

const mostLines = 300

/** What is wrong with a file apart from its imports, a sentence each; empty when nothing is. */
export function brokenFileRules({ path, text }: SourceFile): string[] {
  const isProgram = !besides.includes(rootOf(path))
  const mayReadEnvironment = !isProgram || /^cli\/|\/config\/|\/main\.ts$/.test(path)
  const lines = text.split('\n').length - 1
  const faults = [
    isKebabCase(path) ? '' : 'names of files and folders are in kebab-case',
    isProgram && lines > mostLines ? `${lines} lines are more than ${mostLines}` : '',
    /^export (?:default\b|\{[^}]*\bas default\b)/m.test(text) ? 'exports have names' : '',
    readsEnvironment(text) && !mayReadEnvironment
      ? 'process.env is read in main.ts, cli/ and config/ only'
      : '',
  ]
  return faults.flatMap((fault) => (fault === '' ? [] : [`${path}: ${fault}`]))
}

function isKebabCase(path: string): boolean {
  const word = '[a-z0-9]+(?:-[a-z0-9]+)*'
  return new RegExp(`^(?:${word}/)*${word}(?:\\.test|\\.d)?\\.ts$`).test(path)
}

function readsEnvironment(text: string): boolean {
  return /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[|\{[^}]*\benv\b[^}]*\}\s*(?:=\s*process\b|from\s*'(?:node:)?process')/.test(
    text,
  )
}

/** Where the calls of the request path and the files in steps/ are not the same; a sentence each. */
export function brokenStepRules(requestPath: string, stepFiles: readonly string[]): string[] {
  const imports = [...requestPath.matchAll(/import\s*\{([^}]*)\}\s*from\s*'\.\/steps\/([^']+)'/g)]
  const steps = imports.flatMap(([, names = '', file = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '))
      .map((name) => ({ name, file })),
  )
  const called = steps.filter(({ name }) => new RegExp(`\\b${name}\\(`).test(requestPath))
  return [
    ...steps
      .filter(({ name, file }) => `${kebabCase(name)}.ts` !== file)
      .map(({ name, file }) => `${name} is in steps/${file}, not in steps/${kebabCase(name)}.ts`),
    ...steps.filter((step) => !called.includes(step)).map(({ name }) => `${name} is imported and not called`),
    ...stepFiles
      .filter((file) => !called.some((step) => step.file === file))
      .map((file) => `steps/${file} is no call of the request path`),
  ]
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** An error as `docs/errors.md` tells it. */
export interface DocumentedError {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly type: string
  readonly cure: string
}

/** The errors of the document: a heading with the code, a line with status, title and type, and a line with the cure. */
export function documentedErrors(markdown: string): DocumentedError[] {
  const sections = markdown.split(/^### /m).slice(1)
  return sections.flatMap((section) => {
    const head = /^`([^`]+)`\n\n\*\*(\d{3}) (.+)\*\* · `([^`]+)`\n/.exec(section)
    const cure = /^- Cure: (.+)$/m.exec(section)
    if (head === null) return []
    const [, code = '', status, title = '', type = ''] = head
    return [{ code, status: Number(status), title, type, cure: cure?.[1] ?? '' }]
  })
}
