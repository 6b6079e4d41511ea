/** Pieces of which requests are put together. */
export const asService = { to: '/oauth/token', basic: '{service}:{service secret}' } as const

export const own = 'grant_type=client_credentials'

export const json = 'application/json'

export const exchange = 'grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example%2Fdone'

export const verified = 'code_verifier={verifier}'
