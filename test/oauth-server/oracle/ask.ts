import type { RequestGroup } from './corpus/request-group.ts'
import { resolveName } from './fixtures.ts'
import type { Side } from './sides.ts'

const timeLimitMs = 20_000

/**
 * Sends a request of the corpus over a socket of its own, and tells the answer: its status, its `error` where there is one,
 * be it in JSON, on a page, or on its way to the client, and the scheme of its challenge. Of a look-up that succeeds it tells
 * what it found.
 */
export async function ask(side: Side, group: RequestGroup, text: string): Promise<string> {
  const { to, method = 'POST', contentType = 'application/x-www-form-urlencoded' } = group
  const parameters = contentType.includes('json') ? text : await fill(side, text, encodeURIComponent)
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const query = hasBody || parameters === '' ? '' : `?${parameters}`
  const response = await fetch(side.url + to + query, {
    method,
    // As bytes, for which `fetch` makes no content type up.
    ...(hasBody && { body: Buffer.from(parameters) }),
    headers: {
      accept: 'application/json',
      ...(hasBody && contentType !== '' && { 'content-type': contentType }),
      ...(group.basic !== undefined && { authorization: await basicOf(side, group.basic) }),
      ...group.headers,
    },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeLimitMs),
  })
  const error = errorOf(response.headers.get('location'), await response.text())
  const scheme = response.headers.get('www-authenticate')?.replace(/ .*$/s, '')
  return [response.status, error, scheme].filter((part) => part !== undefined && part !== '').join(' ')
}

async function basicOf(side: Side, credentials: string): Promise<string> {
  const filled = await fill(side, credentials, (value) => value)
  return `Basic ${Buffer.from(filled).toString('base64')}`
}

/** Puts in what stands in braces. */
async function fill(side: Side, text: string, encode: (value: string) => string): Promise<string> {
  const parts = await Promise.all(
    text
      .split(/\{([^}]*)\}/)
      .map(async (part, index) => (index % 2 === 0 ? part : encode(await resolveName(side, part)))),
  )
  return parts.join('')
}

function errorOf(location: string | null, body: string): string {
  if (location !== null) {
    const { searchParams, hash } = new URL(location, 'http://localhost')
    return searchParams.get('error') ?? new URLSearchParams(hash.slice(1)).get('error') ?? ''
  }
  if (!body.startsWith('{')) return /<span lang="en">([a-z_]+): /.exec(body)?.[1] ?? ''
  const { error, active } = JSON.parse(body) as { error?: string; active?: boolean }
  return error ?? (active === undefined ? '' : active ? 'active' : 'inactive')
}
