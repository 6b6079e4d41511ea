import type { Endpoint } from './exchange.ts'

/** `GET /.well-known/jwks.json`: the public keys that JWT access tokens are verified by (RFC 7517 §5). */
export const jwks: Endpoint = (_request, services) => services.signingKeys.publicKeys()
