import { isRedirectUri } from './uris.ts'

/** An `http` URI on a loopback IP address, taken apart around its port. The name `localhost` is none (RFC 8252 §8.3). */
const onLoopbackAddress = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?([/?].*)?$/

/**
 * Whether users may be sent to a URI that an authorization request names: it is the registered one, sign by sign
 * (RFC 9700 §4.1.3); on a loopback IP address the port is free, because a native application gets it from the system when
 * it starts (RFC 8252 §7.3).
 */
export function matchesRedirectUri(registered: string, asked: string): boolean {
  if (asked === registered) return true
  const [, registeredHost, registeredRest] = onLoopbackAddress.exec(registered) ?? []
  const [, askedHost, askedRest] = onLoopbackAddress.exec(asked) ?? []
  return (
    registeredHost !== undefined &&
    registeredHost === askedHost &&
    registeredRest === askedRest &&
    isRedirectUri(asked)
  )
}

/**
 * Whether only the client's own software can be behind a redirect URI. On a loopback address and behind a scheme of its
 * own any program of the machine can be (RFC 8252 §8.6).
 */
export function identifiesClient(redirectUri: string): boolean {
  return redirectUri.startsWith('https:')
}
