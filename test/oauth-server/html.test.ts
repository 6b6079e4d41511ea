import fc from 'fast-check'
import t from 'tap'
import { html } from '../../oauth-server/pages/html.ts'

t.test('whatever is put into a template, it adds no sign that HTML knows', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { text: made } = html`<p title="${text}">${[text, html`<b>${text}</b>`]}</p>`
      const [, escaped = ''] = /^<p title="([^"]*)">/s.exec(made) ?? []
      const decoded = escaped
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&quot;', '"')
        .replaceAll('&#39;', "'")
        .replaceAll('&amp;', '&')
      return (
        !/[<>"']/.test(escaped) &&
        decoded === text &&
        made === `<p title="${escaped}">${escaped}<b>${escaped}</b></p>`
      )
    }),
    { examples: [['&lt;'], ['"'], ['$&'], ['\\u0041`${x}']] },
  )
  t.end()
})

t.test('what is left out is nothing, and a number is a number', (t) => {
  t.equal(html`<a>${undefined}${0}</a>`.text, '<a>0</a>')
  t.end()
})
