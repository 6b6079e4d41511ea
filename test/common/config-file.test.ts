import fc from 'fast-check'
import t from 'tap'
import { Type } from 'typebox'
import { ConfigError, fileSchema, parseConfig, readConfigFile } from '../../common/config-file.ts'

const schema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    password: Type.Optional(Type.String({ secret: true, minLength: 8 })),
    level: Type.Enum(['low', 'high'], { default: 'low' }),
    wait: Type.String({ format: 'duration', default: '30s' }),
    count: Type.Integer({ minimum: 1, maximum: 9, default: 1 }),
    isOn: Type.Boolean({ default: false }),
    tags: Type.Array(Type.String({ format: 'role' }), { default: [], maxItems: 3 }),
    from: Type.Optional(
      Type.Union([
        Type.String({ format: 'http-url' }),
        Type.Object(
          { url: Type.String(), key: Type.String({ secret: true }) },
          { additionalProperties: false },
        ),
      ]),
    ),
    parts: Type.Optional(
      Type.Record(Type.String(), Type.Object({ to: Type.String() }, { additionalProperties: false }), {
        minProperties: 1,
        propertyNames: { format: 'path-prefix' },
      }),
    ),
  },
  { additionalProperties: false },
)

function parse(text: string, env: Record<string, string> = {}) {
  return parseConfig({ fileName: 'file.yaml', text, env }, { schema })
}

/** The lines of the error that a text leads to; empty when it leads to none. */
function complaints(text: string, env: Record<string, string> = {}): string[] {
  try {
    parse(text, env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
}

/** Texts from pieces of YAML, in the order that chance gives them. */
const hostileYaml = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'name password level wait count tags from parts url key to __proto__ constructor'.split(' '),
      ),
      fc.constantFrom(
        ': ',
        ':\n  ',
        '\n',
        '- ',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '"',
        "'",
        '&a ',
        '*a',
        '!!str ',
        '!x ',
        '|\n',
      ),
      fc.constantFrom(
        '>',
        '? ',
        '#',
        '%YAML 1.1\n',
        '---\n',
        '...\n',
        '<<',
        '\t',
        '${A}',
        '${A:-b}',
        '~',
        'null',
        '.inf',
      ),
      fc.constantFrom('0x1', '1e999', '!!binary ', '!!set ', '\0', '\ufeff', '/a', '/a/', '3s'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 24 },
  )
  .map((pieces) => pieces.join(''))

t.test('a correct file is read, and what it leaves out has its default', (t) => {
  t.strictSame(parse('name: one\nlevel: high\n'), {
    name: 'one',
    level: 'high',
    wait: '30s',
    count: 1,
    isOn: false,
    tags: [],
  })
  t.end()
})

t.test('all faults are told at once, in the order of the file, with line, option, value and rule', (t) => {
  const text = `name: ""
level: middle
wait: soon
count: 10
isOn: maybe
tags: [USER, "A,B"]
parts: { /a: {} }
`
  t.strictSame(complaints(text), [
    'file.yaml:1: name: "" must not be empty',
    'file.yaml:2: level: middle must be one of low, high',
    'file.yaml:3: wait: soon must be a whole number with a unit (ms, s, m, h or d), such as 500ms, 30s or 1h',
    'file.yaml:4: count: 10 must be at most 9',
    'file.yaml:5: isOn: maybe must be true or false',
    'file.yaml:6: tags.1: "A,B" must be 1 to 64 letters, digits or the signs . _ : / -',
    'file.yaml:7: parts./a.to: is required',
  ])
  t.end()
})

t.test('a fault carries its parts besides its line of text', (t) => {
  try {
    parse('name: one\ncount: 0\n')
    t.fail('the file was taken')
  } catch (error) {
    t.type(error, ConfigError)
    t.strictSame((error as ConfigError).faults, [
      { line: 2, option: 'count', value: '0', rule: 'must be at least 1' },
    ])
  }
  t.end()
})

t.test('the rules read as sentences, whatever the schema’s keyword', (t) => {
  const rules: Readonly<Record<string, string>> = {
    'wait: 3': 'wait: 3 must be a whole number with a unit (ms, s, m, h or d), such as 500ms, 30s or 1h',
    'wait: [3s]': 'wait: must be a whole number with a unit (ms, s, m, h or d), such as 500ms, 30s or 1h',
    'count: 1.5': 'count: 1.5 must be a whole number',
    'count: "1"': 'count: "1" must be a whole number',
    'isOn: yes': 'isOn: yes must be true or false',
    'tags: USER': 'tags: USER must be a list',
    'tags: [A, B, C, D]': 'tags: must have at most 3 entries',
    'parts: {}': 'parts: must have at least 1 entry',
    'parts: []': 'parts: must be an object',
    'parts: { /a: x }': 'parts./a: x must be an object',
    'from: 1': 'from: 1 must be a string or an object',
    'from: ftp://a':
      'from: ftp://a must be an absolute http:// or https:// URL without user, password, query or fragment',
    'password: short': 'password: must have at least 8 characters',
  }
  for (const [line, rule] of Object.entries(rules)) {
    t.strictSame(complaints(`name: one\n${line}\n`), [`file.yaml:2: ${rule}`], line)
  }
  t.end()
})

t.test('of an option that may be text or an object, only the faults of what was meant are told', (t) => {
  t.strictSame(complaints('name: one\nfrom: { url: "http://a" }\n'), ['file.yaml:2: from.key: is required'])
  t.end()
})

t.test('the name of an entry has a rule too, told at the entry', (t) => {
  const [line, ...others] = complaints('name: one\nparts:\n  /a: { to: x }\n  b/: { to: x }\n')
  t.match(line, /^file\.yaml:4: parts\.b\/: its name must be a path such as \/api1/)
  t.strictSame(others, [])
  t.end()
})

t.test('an entry whose name holds a line break is not left unchecked', (t) => {
  t.match(
    complaints('name: one\nparts: { "/a\\nb": null }\n')[0],
    /^file\.yaml:2: parts\.\/a\?b: its name must be/,
  )
  t.end()
})

t.test('an unknown option names the nearest one, or all where none is near', (t) => {
  t.strictSame(complaints('name: one\nlevle: low\n'), [
    'file.yaml:2: levle: is not an option; did you mean level?',
  ])
  t.strictSame(complaints('name: one\nsomethingElse: low\n'), [
    'file.yaml:2: somethingElse: is not an option; the options here are name, password, level, wait, count, isOn, tags, from, parts',
  ])
  t.end()
})

t.test('a secret is never shown, wherever in the file it stands and whatever is wrong with it', (t) => {
  const places = [
    'passwrod: hunter2',
    'password: [hunter2]',
    'password: { hunter2: hunter2 }',
    'from: { url: [1], key: hunter2 }',
    'from: { url: "http://a", key: [hunter2] }',
    'from: [hunter2]',
    'from: { url: "http://a", kye: hunter2 }',
    'from: http://user:hunter2@host',
    'from: http://host/?key=hunter2',
    'from: "http://u:hunter2/x@h"',
    'from: "http:u:hunter2@h"',
    'from: "ftp://user:hunter2/@h"',
    'parts: { /a: { to: [hunter2] } }',
    'password: *hunter2',
    'password: !hunter2 x',
    'password: "x" hunter2',
    'password: |hunter2',
    'password: "\\hunter2"',
    'password: x: hunter2',
    'password: "hunter2',
    'password: @hunter2',
    'password: [x]hunter2',
    '}hunter2',
  ]
  for (const place of places) {
    const lines = complaints(`name: one\n${place}\n`)
    t.not(lines.length, 0, place)
    t.notMatch(lines.join('\n'), /hunter2(?!: is not)/, place)
  }
  t.strictSame(complaints('name: one\npassword: hunter2\n'), [
    'file.yaml:2: password: must have at least 8 characters',
  ])
  t.end()
})

t.test('a rule across options tells an object’s place, and never what is in it', (t) => {
  const crossCheck = () => [{ path: ['from'], rule: 'must be something else' }]
  const text = 'name: one\nfrom: { url: "http://a", key: hunter2 }\n'
  t.throws(() => parseConfig({ fileName: 'file.yaml', text, env: {} }, { schema, crossCheck }), {
    name: 'ConfigError',
    message: 'file.yaml:2: from: must be something else',
  })
  t.end()
})

t.test('text that is no YAML is told with its line', (t) => {
  t.strictSame(complaints('name: one\n  level: low\n').slice(0, 1), [
    'file.yaml:1: is not valid YAML: Nested mappings are not allowed in compact mappings',
  ])
  t.strictSame(complaints('name: one\nname: two\n'), [
    'file.yaml:2: is not valid YAML: Map keys must be unique',
  ])
  t.match(complaints('--- {name: one}\n--- {name: two}\n')[0], /multiple documents/)
  t.end()
})

t.test('a file that holds no options is told as one', (t) => {
  for (const text of ['', '# nothing\n', '---\n', 'null\n']) {
    t.strictSame(complaints(text), ['file.yaml:1: name: is required'], JSON.stringify(text))
  }
  for (const text of ['- name\n', 'name\n', '3\n']) {
    t.match(complaints(text), [/^file\.yaml:1:.* must be an object$/], JSON.stringify(text))
  }
  t.end()
})

t.test('aliases are followed, and a bomb of them is a fault of the file', (t) => {
  t.match(parse('name: &n one\nparts: { /a: { to: *n } }\n'), { parts: { '/a': { to: 'one' } } })
  const levels = 'bcdef'
    .split('')
    .map((name, index) => `${name}: &${name} [${'*'.concat('abcde'[index] ?? '', ', ').repeat(10)}]`)
  const fault = /an alias \(\*\) has no anchor/
  t.match(complaints(`a: &a [x, x, x, x, x, x, x, x, x, x]\n${levels.join('\n')}\n`), [fault])
  t.match(complaints('name: *nobody\n'), [fault])
  t.end()
})

t.test('a file nested without end is a fault of the file, told briefly', (t) => {
  const lines = complaints('['.repeat(20_000))
  t.match(lines[0], /^file\.yaml:1: is not valid YAML/)
  t.ok(lines.length < 10)
  t.end()
})

t.test('a variable stands in a value where it is named, alone or in a text', (t) => {
  t.match(parse('name: ${A}\n', { A: 'one' }), { name: 'one' })
  t.match(parse('name: "x-${A}-${B}"\n', { A: '1', B: '2' }), { name: 'x-1-2' })
  t.match(parse('name: ${A:-other}\n', { A: 'one' }), { name: 'one' })
  t.match(parse('name: ${A:-other}\n', {}), { name: 'other' })
  t.match(parse('name: ${A:-other}\n', { A: '' }), { name: 'other' }, 'as in a shell, also for an empty one')
  t.match(parse('name: $A ${1} ${}\n', { A: 'one' }), { name: '$A ${1} ${}' }, 'what is no reference stays')
  t.end()
})

t.test('each variable that is not set is told once, at its option', (t) => {
  t.strictSame(complaints('name: ${A}\nfrom: ${B}\ntags: [x, "${C}"]\n', {}), [
    'file.yaml:1: name: ${A} the environment variable A is not set: set it, or write a default as ${A:-value}',
    'file.yaml:2: from: ${B} the environment variable B is not set: set it, or write a default as ${B:-value}',
    'file.yaml:3: tags.1: ${C} the environment variable C is not set: set it, or write a default as ${C:-value}',
  ])
  t.match(complaints('name: ${constructor}\n', {}), [/variable constructor is not set/])
  t.end()
})

t.test('what a variable holds is shown in no error', (t) => {
  t.match(complaints('name: one\nwait: ${A}\n', { A: 'hunter2' }), [
    /^file\.yaml:2: wait: \$\{A\} must be a whole/,
  ])
  t.end()
})

t.test('what a variable holds stays one text, whatever YAML it spells', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), hostileYaml), (value) => {
      const written = parse('name: ${A}\npassword: "${A}12345678"\n', { A: value || 'x' })
      return written.name === (value || 'x') && written.password === `${value || 'x'}12345678`
    }),
  )
  t.match(parse('name: ${A}\n', { A: '${B}', B: 'never' }), { name: '${B}' }, 'and is not replaced again')
  t.end()
})

t.test('hostile text makes a configuration or a ConfigError, never anything else', (t) => {
  fc.assert(
    fc.property(hostileYaml, (text) => {
      complaints(text)
      return true
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('a file that cannot be read is told as a fault of the file', (t) => {
  t.throws(() => readConfigFile('/nowhere/file.yaml', {}, { schema }), {
    name: 'ConfigError',
    message: '/nowhere/file.yaml:1: the file cannot be read: there is no such file',
  })
  t.end()
})

t.test('in the schema for editors, an option with a default need not be written', (t) => {
  t.strictSame(fileSchema(schema).required, ['name'])
  t.ok(schema.required.includes('level'), 'and the schema that was given is left as it is')
  t.end()
})
