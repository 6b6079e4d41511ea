import { asService, own } from './parts.ts'
import type { RequestGroup } from './request-group.ts'

const jwtBearer =
  'client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion='

export const authentication: readonly RequestGroup[] = [
  {
    to: '/oauth/token',
    requests: {
      'no client': own,
      'secret in the form': `${own}&client_id={poster}&client_secret={poster secret}`,
      'secret in the form, wrong': `${own}&client_id={poster}&client_secret=wrong`,
      'secret in the form, empty': `${own}&client_id={poster}&client_secret=`,
      'secret in the form, missing': `${own}&client_id={poster}`,
      'secret in the form, twice': `${own}&client_id={poster}&client_secret=x&client_secret={poster secret}`,
      'secret in the form without an id': `${own}&client_secret={poster secret}`,
      'secret in the form of a client for Basic': `${own}&client_id={service}&client_secret={service secret}`,
      'unknown client in the form': `${own}&client_id=nobody&client_secret=wrong`,
      'the id twice': `${own}&client_id={poster}&client_id={poster}&client_secret={poster secret}`,
      'another client’s secret': `${own}&client_id={poster}&client_secret={web secret}`,
      'public client, own token': `${own}&client_id={player}`,
      'public client with a secret': `${own}&client_id={player}&client_secret=x`,
      assertion: `${own}&${jwtBearer}{assertion}`,
      'assertion with the id': `${own}&client_id={keyed}&${jwtBearer}{assertion}`,
      'assertion with another id': `${own}&client_id={poster}&${jwtBearer}{assertion}`,
      'assertion for elsewhere': `${own}&${jwtBearer}{assertion for elsewhere}`,
      'assertion for the token endpoint': `${own}&${jwtBearer}{assertion for the token endpoint}`,
      'assertion for two': `${own}&${jwtBearer}{assertion for two}`,
      'assertion, expired': `${own}&${jwtBearer}{expired assertion}`,
      'assertion without jti': `${own}&${jwtBearer}{assertion without jti}`,
      'assertion without exp': `${own}&${jwtBearer}{assertion without exp}`,
      'assertion of another subject': `${own}&${jwtBearer}{assertion of another subject}`,
      'assertion by another key': `${own}&${jwtBearer}{assertion by another key}`,
      'assertion, used before': `${own}&${jwtBearer}{used assertion}`,
      'assertion that is none': `${own}&${jwtBearer}nonsense`,
      'assertion without its type': `${own}&client_assertion={assertion}`,
      'assertion’s type without one': `${own}&${jwtBearer}`,
      'assertion of an unknown type': `${own}&client_assertion_type=magic&client_assertion={assertion}`,
      'assertion and a secret': `${own}&client_id={keyed}&client_secret=x&${jwtBearer}{assertion}`,
      'id of a client with a key, alone': `${own}&client_id={keyed}`,
    },
  },
  { to: '/oauth/token', basic: '{service}:wrong', requests: { 'Basic, wrong secret': own } },
  { to: '/oauth/token', basic: '{service}:', requests: { 'Basic, empty secret': own } },
  { to: '/oauth/token', basic: ':{service secret}', requests: { 'Basic, empty id': own } },
  { to: '/oauth/token', basic: '{service}', requests: { 'Basic without a colon': own } },
  { to: '/oauth/token', basic: 'nobody:wrong', requests: { 'Basic, unknown client': own } },
  {
    to: '/oauth/token',
    basic: '{poster}:{poster secret}',
    requests: { 'Basic of a client for the form': own },
  },
  { to: '/oauth/token', basic: '{player}:x', requests: { 'Basic of a public client': own } },
  { to: '/oauth/token', basic: '{keyed}:x', requests: { 'Basic of a client with a key': own } },
  { to: '/oauth/token', basic: '%zz:{service secret}', requests: { 'Basic, malformed encoding': own } },
  {
    ...asService,
    requests: {
      'Basic and a secret in the form': `${own}&client_id={service}&client_secret={service secret}`,
      'Basic and an assertion': `${own}&${jwtBearer}{assertion}`,
    },
  },
  {
    to: '/oauth/token',
    headers: { authorization: 'Bearer something' },
    requests: { 'a Bearer token for credentials': own },
  },
  {
    to: '/oauth/token',
    headers: { authorization: 'Basic !!!' },
    requests: { 'Basic that is no base64': own },
  },
  {
    to: '/oauth/token',
    headers: { authorization: 'Bearer something' },
    requests: { 'a Bearer token and a secret': `${own}&client_id={poster}&client_secret={poster secret}` },
  },
]
