import { obtainTokens, type TestServer } from './oauth-server.ts'

/** An answer of the admin API, read. */
export interface AdminAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON comes back.
  readonly body: any
}

/** Speaks to the admin API as one client; the route is a method and a path, such as `GET /clients`. */
export type AdminClient = (
  route: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<AdminAnswer>

/** A client that may administer, with a token in its hand. */
export async function createAdmin(
  server: TestServer,
  scopes: readonly string[] = ['admin'],
): Promise<{ readonly id: string; readonly token: string; readonly call: AdminClient }> {
  const admin = await server.create({ name: 'Admin', roles: [], scopes: [...scopes] })
  const { access_token } = await obtainTokens(server, admin)
  return { id: admin.client.id, token: access_token, call: adminClient(server.adminUrl, access_token) }
}

export function adminClient(url: string, token: string): AdminClient {
  return async (route, body, headers = {}) => {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: readBody(text) }
  }
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
