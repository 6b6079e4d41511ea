import { RequestRefused, refusals } from '../errors.ts'
import { AuthorizationRefused } from '../grants/authorization-request.ts'
import { consentSubject, readVisit, sendCode, wantedConsent } from './authorize.ts'
import { checkForm } from './browser.ts'
import { readForm } from './exchange.ts'
import type { PageEndpoint } from './page-answer.ts'

/** `POST /oauth/consent`: the consent page's form. Either answer goes back to the client. */
export const consent: PageEndpoint = async (request, services) => {
  const { query, asked, browser } = await readVisit(request, services)
  const form = readForm(request)
  const { user } = browser
  // A session that has ended meanwhile: the user begins again.
  if (user === undefined) throw new RequestRefused(refusals.staleForm)
  checkForm(request, form, { browser, subject: consentSubject(query, asked, user), services })
  if (form.get('decision') !== 'allow')
    throw new AuthorizationRefused(asked, 'access_denied', 'The user did not allow it.')
  const actor = { id: user.id, address: services.addresses.of(request.raw) }
  await services.authorization.consents.remember(wantedConsent(asked, user), actor)
  return sendCode(asked, user, services)
}
