import t from 'tap'
import {
  consentPage,
  problemPage,
  signedOutPage,
  signInPage,
  signOutPage,
} from '../../oauth-server/pages/pages.ts'
import { languages } from '../../oauth-server/pages/texts.ts'

const form = { action: '/there', token: 'proof' }

t.test('every page has one main heading, and what follows is a level below it', (t) => {
  for (const language of languages) {
    const client = { language, clientName: 'Films' }
    const user = { ...client, userName: 'Ann', place: 'films.example', form, signOut: form }
    const pages = {
      'signing in': signInPage({ ...client, form, username: '' }),
      'signing in again': signInPage({ ...client, form, username: 'ann', fault: { kind: 'wrong' } }),
      consent: consentPage({ ...user, scope: ['user'], resources: [] }),
      'consent for a resource': consentPage({ ...user, scope: ['user'], resources: ['https://a.example'] }),
      'signing out': signOutPage(language, form),
      'signed out': signedOutPage(language),
      problem: problemPage({ language, problem: 'failed', detail: 'server_error', again: '/again' }),
    }
    const levels = Object.entries(pages).map(([name, page]) => {
      const found = headingsOf(page)
      t.ok(
        found.every(({ text }) => text !== ''),
        `${name}: no heading is empty`,
      )
      return [name, found.map(({ level }) => level)]
    })
    t.strictSame(
      Object.fromEntries(levels),
      {
        'signing in': [1],
        'signing in again': [1],
        consent: [1, 2],
        'consent for a resource': [1, 2, 2],
        'signing out': [1],
        'signed out': [1],
        problem: [1],
      },
      language,
    )
  }
  t.end()
})

t.test('every list of what a client may is named by the heading before it', (t) => {
  const page = consentPage({
    language: 'en',
    clientName: 'Films',
    userName: 'Ann',
    scope: ['user', 'films'],
    resources: ['https://a.example'],
    place: 'films.example',
    form,
    signOut: form,
  })
  const headings = new Map(headingsOf(page).map(({ id, text }) => [id, text]))
  const lists = [...page.matchAll(/<ul aria-labelledby="(\w+)">(.*?)<\/ul>/gs)]
  t.strictSame(
    lists.map(([, id, items = '']) => [
      headings.get(id),
      [...items.matchAll(/<code>(.*?)<\/code>/g)].map(([, item]) => item),
    ]),
    [
      ['If you allow it, the application may, in your name:', ['user', 'films']],
      ['It may use this only at:', ['https://a.example']],
    ],
  )
  t.end()
})

/** In the order of the page. */
function headingsOf(page: string) {
  return [...page.matchAll(/<h([1-6])(?: id="(\w+)")?>(.*?)<\/h\1>/gs)].map(([, level, id, text = '']) => ({
    level: Number(level),
    id,
    text: text.trim(),
  }))
}
