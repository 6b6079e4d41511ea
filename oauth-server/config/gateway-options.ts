import { BlockList, isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import type { RuleBroken } from '../../common/config-file.ts'

/** The option that names the gateways. */
export const Gateways = Type.Array(
  Type.Object(
    {
      url: Type.String({
        format: 'http-url',
        description:
          'Where its admin listener is reached, such as https://gateway.internal:8090; `/revocations` is put behind it where it is missing.',
        danger:
          'Over plain http:// whoever is on the way reads the secret, and can sign everybody out with it: it is taken for loopback and private addresses, and for names without a dot or under .internal, .local and .localhost, only.',
      }),
      secret: Type.String({
        minLength: 16,
        secret: true,
        description: 'What its option `revocation.secret` says.',
      }),
    },
    { additionalProperties: false },
  ),
  {
    default: [],
    maxItems: 64,
    description:
      'The gateways that are told at once, over HTTP, when tokens are revoked or when clients, users or plans change. Of gateways that share a store one needs to be named; the others hear it from the store. Without any, a gateway learns of a change when it asks for a token again.',
  },
)

/** A gateway that is told of revocations. */
export interface GatewayTarget {
  /** Of its revocation endpoint. */
  readonly url: string
  readonly secret: string
}

type GatewayOptions = Static<typeof Gateways>

/** What is wrong with the gateways beyond each option's own form. */
export function checkGateways(gateways: GatewayOptions): RuleBroken[] {
  const urls = gateways.map(({ url }) => revocationUrl(url))
  return gateways.flatMap(({ url, secret }, index) => {
    const at = ['gateways', String(index)]
    const faults: RuleBroken[] = []
    if (new URL(url).protocol === 'http:' && !isPrivate(new URL(url).hostname))
      faults.push({
        path: [...at, 'url'],
        rule: 'must be https://, unless it leads to a loopback or private address: the secret goes there',
      })
    if (urls.indexOf(revocationUrl(url)) !== index)
      faults.push({ path: [...at, 'url'], rule: 'is named twice' })
    if (!/^[\x21-\x7e]+$/.test(secret))
      faults.push({
        path: [...at, 'secret'],
        rule: 'must be of printable ASCII characters without spaces',
        isSecret: true,
      })
    return faults
  })
}

/** The gateways as they are told. */
export function toGatewayTargets(gateways: GatewayOptions): GatewayTarget[] {
  return gateways.map(({ url, secret }) => ({ url: revocationUrl(url), secret }))
}

function revocationUrl(text: string): string {
  const url = new URL(text)
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith('/revocations') ? path : `${path}/revocations`
  return url.href
}

const privateNetworks = new BlockList()
for (const [network, length] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const)
  privateNetworks.addSubnet(network, length, 'ipv4')
for (const [network, length] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  privateNetworks.addSubnet(network, length, 'ipv6')

/** @param host As the URL parser gives it: in lower case, an IPv6 address in brackets. */
function isPrivate(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  const family = isIP(address)
  if (family !== 0) return privateNetworks.check(address, family === 4 ? 'ipv4' : 'ipv6')
  return !host.includes('.') || /\.(?:internal|local|localhost)$/.test(host)
}
