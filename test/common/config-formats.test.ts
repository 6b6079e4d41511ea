import fc from 'fast-check'
import t from 'tap'
import { configFormats } from '../../common/config-formats.ts'
import { formatExamples } from '../support/format-examples.ts'

t.strictSame(
  Object.keys(configFormats).toSorted(),
  Object.keys(formatExamples).toSorted(),
  'each format has examples here',
)

for (const [name, format] of Object.entries(configFormats)) {
  t.test(`the format ${name} takes what its rule says, and states it as "must be …"`, (t) => {
    for (const text of formatExamples[name]?.accepted ?? []) t.ok(format.accepts(text), JSON.stringify(text))
    for (const text of formatExamples[name]?.refused ?? [])
      t.notOk(format.accepts(text), JSON.stringify(text))
    t.match(format.rule, /^must be /)
    t.end()
  })

  t.test(`the format ${name} never takes a line break, whatever stands around it`, (t) => {
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...(formatExamples[name]?.accepted ?? [])),
    )
    fc.assert(
      fc.property(any, any, fc.constantFrom('\n', '\r', '\r\n', '\0'), (before, after, lineBreak) => {
        return !format.accepts(before + lineBreak + after)
      }),
    )
    t.end()
  })
}
