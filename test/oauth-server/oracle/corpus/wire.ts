import { asService, json, own } from './parts.ts'
import type { RequestGroup } from './request-group.ts'

export const wire: readonly RequestGroup[] = [
  { ...asService, contentType: json, requests: { 'token in JSON': '{"grant_type":"client_credentials"}' } },
  { ...asService, contentType: 'text/plain', requests: { 'token as text': own } },
  { ...asService, contentType: '', requests: { 'token without a content type': own } },
  {
    ...asService,
    contentType: 'multipart/form-data; boundary=x',
    requests: {
      'token as multipart':
        '--x\r\ncontent-disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--',
    },
  },
  {
    ...asService,
    contentType: 'application/x-www-form-urlencoded; charset=utf-8',
    requests: { 'token with a charset': own },
  },
  {
    ...asService,
    contentType: 'APPLICATION/X-WWW-FORM-URLENCODED',
    requests: { 'token with a content type in capitals': own },
  },
  { ...asService, method: 'GET', requests: { 'token by GET': own } },
  { ...asService, method: 'PUT', requests: { 'token by PUT': own } },
  { ...asService, method: 'DELETE', requests: { 'token by DELETE': own } },
  { ...asService, method: 'HEAD', requests: { 'token by HEAD': own } },
  { ...asService, requests: { 'token with a large body': `${own}&x=${'x'.repeat(100_000)}` } },
]
