import { exchange, verified } from './parts.ts'
import type { RequestGroup } from './request-group.ts'

const asWeb = { to: '/oauth/token', basic: '{web}:{web secret}' } as const

export const codes: readonly RequestGroup[] = [
  {
    ...asWeb,
    requests: {
      code: `${exchange}&code={code}&${verified}`,
      'code with a scope': `${exchange}&code={code}&${verified}&scope=user`,
      'code for a resource': `${exchange}&code={code for films}&${verified}`,
      'code for a resource that is named': `${exchange}&code={code for films}&${verified}&resource=https%3A%2F%2Ffilms.example%2F`,
      'code for another resource': `${exchange}&code={code for films}&${verified}&resource=https%3A%2F%2Fseries.example%2F`,
      'code for an unknown resource': `${exchange}&code={code}&${verified}&resource=https%3A%2F%2Felsewhere.example%2F`,
      'code, used': `${exchange}&code={used code}&${verified}`,
      'code, unknown': `${exchange}&code=unknown&${verified}`,
      'code, missing': `${exchange}&${verified}`,
      'code, empty': `${exchange}&code=&${verified}`,
      'code twice': `${exchange}&code={code}&code=x&${verified}`,
      'code of another client': `${exchange}&code={code of player}&${verified}`,
      'code without a verifier': `${exchange}&code={code}`,
      'code with an empty verifier': `${exchange}&code={code}&code_verifier=`,
      'code with a wrong verifier': `${exchange}&code={code}&code_verifier=a-verifier-that-is-long-enough-but-a-wrong-one`,
      'code with a short verifier': `${exchange}&code={code}&code_verifier=short`,
      'code with a long verifier': `${exchange}&code={code}&code_verifier=${'x'.repeat(129)}`,
      'code with the challenge as verifier': `${exchange}&code={code}&code_verifier={challenge}`,
      'code with a verifier of wrong signs': `${exchange}&code={code}&code_verifier=${'%C3%A9'.repeat(50)}`,
      'code with the verifier twice': `${exchange}&code={code}&${verified}&${verified}`,
      'code without its redirect URI': `grant_type=authorization_code&code={code}&${verified}`,
      'code with another redirect URI': `grant_type=authorization_code&code={code}&${verified}&redirect_uri=https%3A%2F%2Felsewhere.example`,
      'code with a redirect URI and a slash': `${exchange}%2F&code={code}&${verified}`,
      'code as a refresh token': 'grant_type=refresh_token&refresh_token={code}',
    },
  },
  {
    to: '/oauth/token',
    requests: {
      'public client’s code': `grant_type=authorization_code&client_id={player}&code={code of player}&${verified}&redirect_uri=https%3A%2F%2Fplayer.example%2Fdone`,
      'public client’s code without a verifier':
        'grant_type=authorization_code&client_id={player}&code={code of player}&redirect_uri=https%3A%2F%2Fplayer.example%2Fdone',
      'code of a confidential client without a secret': `${exchange}&client_id={web}&code={code}&${verified}`,
      'code of a confidential client by a public one': `${exchange}&client_id={player}&code={code}&${verified}`,
    },
  },
  {
    to: '/oauth/token',
    basic: '{other}:{other secret}',
    requests: { 'code by another client': `${exchange}&code={code}&${verified}` },
  },
]

const again = 'grant_type=refresh_token&refresh_token='

export const refreshing: readonly RequestGroup[] = [
  {
    ...asWeb,
    requests: {
      refresh: `${again}{refresh token}`,
      'refresh with less scope': `${again}{refresh token}&scope=user`,
      'refresh with the same scope': `${again}{refresh token}&scope=user+stats`,
      'refresh with more scope': `${again}{refresh token for user}&scope=user+stats`,
      'refresh with an unknown scope': `${again}{refresh token}&scope=admin`,
      'refresh with a malformed scope': `${again}{refresh token}&scope=us%22er`,
      'refresh for a resource': `${again}{refresh token for films}&resource=https%3A%2F%2Ffilms.example%2F`,
      'refresh for another resource': `${again}{refresh token for films}&resource=https%3A%2F%2Fseries.example%2F`,
      'refresh for an unknown resource': `${again}{refresh token}&resource=https%3A%2F%2Felsewhere.example%2F`,
      'refresh with a used token': `${again}{used refresh token}`,
      'refresh after a replay': `${again}{refresh token after an older one was replayed}`,
      'refresh after its code was replayed': `${again}{refresh token after its code was replayed}`,
      'refresh with a revoked token': `${again}{revoked refresh token}`,
      'refresh with a token whose access token was revoked': `${again}{refresh token whose access token was revoked}`,
      'refresh with an unknown token': `${again}unknown`,
      'refresh without a token': 'grant_type=refresh_token',
      'refresh with an empty token': again,
      'refresh with the token twice': `${again}{refresh token}&refresh_token=x`,
      'refresh with an access token': `${again}{access token}`,
      'refresh of another client’s token': `${again}{refresh token of player}`,
      'refresh with an unknown parameter': `${again}{refresh token}&colour=blue`,
    },
  },
  {
    to: '/oauth/token',
    requests: {
      'public client’s refresh': `${again}{refresh token of player}&client_id={player}`,
      'refresh of a confidential client without a secret': `${again}{refresh token}&client_id={web}`,
      'refresh of a confidential client’s token by a public one': `${again}{refresh token}&client_id={player}`,
    },
  },
  {
    to: '/oauth/token',
    basic: '{other}:{other secret}',
    requests: { 'refresh by another client': `${again}{refresh token}` },
  },
]
