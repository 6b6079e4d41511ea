import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** What an application in a browser calls with no more than its id (RFC 9700 §2.6), and the method; nothing else. */
const browserEndpoints: Readonly<Record<string, 'GET' | 'POST'>> = {
  '/oauth/token': 'POST',
  '/oauth/revoke': 'POST',
  '/.well-known/oauth-authorization-server': 'GET',
  '/.well-known/oauth-authorization-server/*': 'GET',
  '/.well-known/jwks.json': 'GET',
}

/**
 * Lets applications of other origins read the answers of the endpoints above. Never with the browser's own credentials
 * (cookies, HTTP Basic), and never with an Authorization header: who has a secret has no business in a browser.
 */
export function allowBrowsers(app: FastifyInstance, urls: readonly string[]): void {
  app.addHook('onRequest', (request, reply, done) => {
    const method = browserEndpoints[request.routeOptions.url ?? '']
    if (method !== undefined && (request.method === method || isPreflight(request)))
      reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', 'retry-after')
    done()
  })
  for (const url of urls) {
    const method = Object.hasOwn(browserEndpoints, url) ? browserEndpoints[url] : undefined
    if (method !== undefined) app.options(url, (request, reply) => answerPreflight(request, reply, method))
  }
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

function answerPreflight(request: FastifyRequest, reply: FastifyReply, method: string): void {
  if (!isPreflight(request)) {
    reply.callNotFound()
    return
  }
  const allowed = {
    'access-control-allow-methods': method,
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': '600',
  }
  reply.code(204).headers(allowed).send()
}
