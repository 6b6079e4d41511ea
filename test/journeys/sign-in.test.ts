import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { languages, texts } from '../../oauth-server/pages/texts.ts'
import { basic, resourceServer, startTestServer, tester } from '../support/oauth-server.ts'
import { chromium, chromiumProgram, needs } from '../support/services.ts'
import {
  challengeOf,
  createUser,
  parametersFor,
  password,
  verifier,
  webApplication,
} from '../support/user-browser.ts'

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

t.test('in a real browser', await needs(chromium), async (t) => {
  const browser = await driver.launch({ executablePath: chromiumProgram, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())

  t.test(
    'A7, A9, A10: without JavaScript a user signs in, consents, and the application gets a token',
    async (t) => {
      const { server, client, gateway, user, done } = await start(t)
      const page = await open(t, browser, { javaScriptEnabled: false })
      const parameters = new URLSearchParams({
        response_type: 'code',
        client_id: client.id,
        redirect_uri: done,
        state: 'a state & more',
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
      })
      await page.goto(`${server.url}/oauth/authorize?${parameters}`)
      t.equal(await page.title(), 'Sign in')
      await page.getByLabel('Username').fill('anna')
      await page.getByLabel('Password').fill('wrong password')
      await page.keyboard.press('Enter')
      t.match(await page.getByRole('alert').textContent(), /The username or the password is wrong/)
      t.equal(await page.title(), 'Error: Sign in')
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      t.equal(await page.title(), 'Application in a browser asks for access')
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      await page.waitForURL(`${done}?**`)
      const answer = Object.fromEntries(new URL(page.url()).searchParams)
      t.match(answer, { code: /^pac_/, state: 'a state & more', iss: server.url })
      t.equal(
        await page.textContent('body'),
        'no referrer',
        'the application does not learn where the user was',
      )

      const response = await server.post('/oauth/token', {
        grant_type: 'authorization_code',
        client_id: client.id,
        code: answer.code ?? '',
        redirect_uri: done,
        code_verifier: verifier,
      })
      t.equal(response.status, 200)
      const { access_token: token } = (await response.json()) as { access_token: string }
      const found = await server.post('/oauth/introspect', { token }, basic(gateway))
      t.match(await found.json(), { active: true, sub: user.id, username: 'anna' })

      await page.goto(`${server.url}/oauth/authorize?${parameters}`)
      await page.getByRole('button', { name: 'Use another account' }).click()
      t.equal(await page.title(), 'Sign in')
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.waitForURL(`${done}?**`)
      t.match(page.url(), 'error=access_denied')
    },
  )

  for (const language of languages)
    t.test(`the pages are accessible in ${language}`, async (t) => {
      const { server, user, client, done } = await start(t)
      const page = await open(t, browser, { locale: language })
      const parameters = parametersFor(
        { client: await server.registry.show(client.id) },
        { redirect_uri: done },
      )
      await page.goto(`${server.url}/oauth/authorize?${parameters}`)
      t.equal(await page.title(), texts[language].signIn)
      t.equal(await page.evaluate('document.activeElement.id'), 'username', 'the first field has the focus')
      t.strictSame(await violations(page), [])
      await page.getByLabel(texts[language].username).fill(user.username)
      await page.getByLabel(texts[language].password).fill('wrong password')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      t.equal(await page.evaluate('document.activeElement.id'), 'fault', 'a fault is read first')
      t.strictSame(await violations(page), [])
      await page.getByLabel(texts[language].password).fill(password)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: texts[language].allow, exact: true }).waitFor()
      t.strictSame(await violations(page), [])
      await page.goto(`${server.url}/oauth/logout`)
      t.strictSame(await violations(page), [])
      await page.goto(`${server.url}/oauth/authorize?client_id=nobody`)
      t.match(await page.textContent('main'), texts[language].problems.unknownClient)
      t.strictSame(await violations(page), [])
    })

  t.test('A11: no page is shown in a frame, and nothing in one runs', async (t) => {
    const { server, client, done, frame } = await start(t)
    const page = await open(t, browser)
    const refusal = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
    const parameters = parametersFor(
      { client: await server.registry.show(client.id) },
      { redirect_uri: done },
    )
    await page.goto(frame(`${server.url}/oauth/authorize?${parameters}`))
    t.ok(await refusal)
    t.equal(await page.frameLocator('iframe').getByLabel('Username').count(), 0)
    await page.goto(`${server.url}/oauth/authorize?${parameters}`)
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))`,
    )
    t.equal(await page.evaluate('window.ran'), undefined)
  })
})

async function start(t: Test) {
  const server = await startTestServer(t)
  const application = createServer((request, response) => {
    const framed = new URL(request.url ?? '/', 'http://x').searchParams.get('frame')
    response.setHeader('content-type', 'text/html')
    if (framed === null) response.end(request.headers.referer ?? 'no referrer')
    else response.end(`<iframe src="${framed.replaceAll('&', '&amp;')}"></iframe>`)
  })
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    application.closeAllConnections()
    application.close()
  })
  const { port } = application.address() as AddressInfo
  // The port is free: the registered one is another.
  const { client } = await server.registry.create(
    {
      roles: [],
      quota: { limit: 1_000, windowMs: 3_600_000 },
      ...webApplication,
      name: 'Application in a browser',
      scopes: ['user', 'stats'],
      grantTypes: ['authorization_code', 'refresh_token'],
      authMethod: 'none',
      redirectUris: ['http://127.0.0.1:1/done'],
    },
    tester,
  )
  const gateway = await server.create(resourceServer)
  const { user } = await createUser(server)
  const origin = `http://127.0.0.1:${port}`
  const frame = (url: string) => `${origin}/?frame=${encodeURIComponent(url)}`
  return { server, client, gateway, user, done: `${origin}/done`, frame }
}

async function open(t: Test, browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ locale: 'en', ...options })
  t.teardown(() => context.close())
  context.setDefaultTimeout(20_000)
  return context.newPage()
}

/** What axe finds wrong with a page, by the rules of WCAG 2.2 and its own advice. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found: unknown = await page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => id + ": " + help + " " + nodes.map(({ html }) => html).join(" ")))',
  )
  return found as string[]
}
