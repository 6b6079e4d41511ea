import { signedOutPage, signOutPage } from '../pages/pages.ts'
import { signOutSubject } from './authorize.ts'
import { checkForm, formToken, readBrowser, setCookie } from './browser.ts'
import { queryOf, readForm } from './exchange.ts'
import { htmlAnswer, languageOf, type PageEndpoint, seeOther } from './page-answer.ts'

/** `GET /oauth/logout`: asks whether to sign out. */
export const askToSignOut: PageEndpoint = async (request, services) => {
  const browser = await readBrowser(request, services)
  const language = languageOf(request)
  const headers = { ...browser.headers, 'content-language': language }
  const form = { action: 'logout', token: formToken(browser, signOutSubject) }
  return htmlAnswer(browser.user ? signOutPage(language, form) : signedOutPage(language), { headers })
}

/** `POST /oauth/logout`: ends the browser's session. In the course of an authorization request it goes on with that. */
export const logout: PageEndpoint = async (request, services) => {
  const browser = await readBrowser(request, services)
  checkForm(request, readForm(request), { browser, subject: signOutSubject, services })
  const { sessions } = services.authorization
  await sessions.end(browser.token)
  const cookie = setCookie(sessions.mint(), services)
  const query = queryOf(request)
  if (query !== '') return seeOther(`authorize?${query}`, cookie)
  const language = languageOf(request)
  return htmlAnswer(signedOutPage(language), { headers: { ...cookie, 'content-language': language } })
}
