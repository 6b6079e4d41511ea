import { json } from './parts.ts'
import type { RequestGroup } from './request-group.ts'

const asGateway = { to: '/oauth/introspect', basic: '{gateway}:{gateway secret}' } as const

export const lookUps: readonly RequestGroup[] = [
  {
    ...asGateway,
    requests: {
      'look-up': 'token={access token}',
      'look-up with a hint': 'token={access token}&token_type_hint=access_token',
      'look-up with a wrong hint': 'token={access token}&token_type_hint=refresh_token',
      'look-up with an unknown hint': 'token={access token}&token_type_hint=magic',
      'look-up of an unknown token': 'token=unknown',
      'look-up of a revoked token': 'token={revoked access token}',
      'look-up after the refresh token was revoked': 'token={access token whose refresh token was revoked}',
      'look-up after the code was replayed': 'token={access token after its code was replayed}',
      'look-up after a refresh token was replayed': 'token={access token after a refresh token was replayed}',
      'look-up of a used refresh token': 'token={used refresh token}',
      'look-up of a refresh token': 'token={refresh token}',
      'look-up of a code': 'token={code}',
      'look-up without a token': 'token_type_hint=access_token',
      'look-up of an empty token': 'token=',
      'look-up of two tokens': 'token=one&token=two',
      'look-up of a token with a NUL': 'token=%00',
      'look-up of a long token': `token=${'x'.repeat(5_000)}`,
    },
  },
  { ...asGateway, basic: '{gateway}:wrong', requests: { 'look-up, wrong secret': 'token=x' } },
  { ...asGateway, basic: 'nobody:wrong', requests: { 'look-up by an unknown client': 'token=x' } },
  {
    ...asGateway,
    basic: '{web}:{web secret}',
    requests: { 'look-up by a client that may not': 'token={access token}' },
  },
  {
    to: '/oauth/introspect',
    requests: { 'look-up by nobody': 'token=x', 'look-up by a public client': 'token=x&client_id={player}' },
  },
  { ...asGateway, contentType: json, requests: { 'look-up in JSON': '{"token":"x"}' } },
  { ...asGateway, method: 'GET', requests: { 'look-up by GET': 'token=x' } },
]

const asRevoker = { to: '/oauth/revoke', basic: '{web}:{web secret}' } as const

export const revocations: readonly RequestGroup[] = [
  {
    ...asRevoker,
    requests: {
      revocation: 'token={refresh token}',
      'revocation with a hint': 'token={refresh token}&token_type_hint=refresh_token',
      'revocation with a wrong hint': 'token={access token}&token_type_hint=refresh_token',
      'revocation with an unknown hint': 'token={access token}&token_type_hint=magic',
      'revocation of an access token': 'token={access token}',
      'revocation of an unknown token': 'token=unknown',
      'revocation once more': 'token={revoked access token}',
      'revocation of another client’s token': 'token={access token of player}',
      'revocation without a token': '',
      'revocation of an empty token': 'token=',
      'revocation of two tokens': 'token=one&token=two',
    },
  },
  { ...asRevoker, basic: '{web}:wrong', requests: { 'revocation, wrong secret': 'token=x' } },
  { ...asRevoker, basic: 'nobody:wrong', requests: { 'revocation by an unknown client': 'token=x' } },
  {
    to: '/oauth/revoke',
    requests: {
      'revocation by nobody': 'token=x',
      'revocation by a public client': 'token={access token of player}&client_id={player}',
    },
  },
  { ...asRevoker, contentType: json, requests: { 'revocation in JSON': '{"token":"x"}' } },
  { ...asRevoker, method: 'GET', requests: { 'revocation by GET': 'token=x' } },
]
