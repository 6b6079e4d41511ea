import { IdentityProviderFailure } from './identity-provider.ts'

/** Fetches a JSON document of the issuer. */
export type FetchDocument = (url: string) => Promise<unknown>

/**
 * Finds the URL of an issuer's key set by its metadata: after RFC 8414 §3, where the well-known path stands between host
 * and path, else after OpenID Connect Discovery §4, where it follows the path. Both must name the issuer itself (RFC 8414
 * §3.3). Rejects with {@link IdentityProviderFailure} when neither does.
 */
export async function findKeySetUrl(issuer: string, fetchDocument: FetchDocument): Promise<string> {
  const failures: string[] = []
  for (const url of metadataUrls(issuer)) {
    try {
      return readKeySetUrl(issuer, await fetchDocument(url))
    } catch (error) {
      if (!(error instanceof IdentityProviderFailure)) throw error
      failures.push(error.message)
    }
  }
  throw new IdentityProviderFailure(
    `the issuer’s metadata cannot be had: after RFC 8414 ${failures[0]}; after OpenID Connect ${failures[1]}`,
  )
}

/** A slash at the issuer's end is left out in both (RFC 8414 §3.1, OpenID Connect Discovery §4.1). */
export function metadataUrls(issuer: string): readonly [oauth: string, openId: string] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
}

function readKeySetUrl(issuer: string, document: unknown): string {
  const isRecord = typeof document === 'object' && document !== null
  const metadata = isRecord ? (document as { issuer?: unknown; jwks_uri?: unknown }) : {}
  if (metadata.issuer !== issuer) throw new IdentityProviderFailure('it names another issuer')
  const url = typeof metadata.jwks_uri === 'string' ? URL.parse(metadata.jwks_uri) : null
  // Keys over plain HTTP can be replaced by whoever is on the way. An issuer that is configured so accepted that already.
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && issuer.startsWith('http:'))
  if (url === null || !isSafe) throw new IdentityProviderFailure('its jwks_uri is no https:// URL')
  return url.href
}
