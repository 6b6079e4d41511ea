import { ReplyRefused } from './reply-guard.ts'

/** No answer has come in time. */
export class AnswerTimeout extends Error {
  constructor() {
    super('no answer in time')
    this.name = 'AnswerTimeout'
  }
}

/** What a failed command tells about the store. */
export interface StoreFailure {
  /** Whether the script is at fault, and the store itself in order. */
  readonly isOfScript: boolean
  /** For people: what is wrong and what to do, without a password and without anything that was sent. */
  readonly reason: string
}

/** What the codes of Redis' error replies mean here. All of them say that the server as it is cannot serve the gateway. */
const refusals: Readonly<Record<string, string>> = {
  WRONGPASS: 'the server refuses the user name or the password: see `store` in the configuration',
  NOAUTH: 'the server wants a user name and a password: `store` takes USER:PASSWORD@ before the host',
  DENIED: 'the server is in protected mode and takes no connection from other machines',
  LOADING: 'the server is still loading its data',
  READONLY:
    'the server is a read-only replica: name the primary, or the Sentinels or the Cluster that know it',
  MASTERDOWN: 'the server is a replica that has lost its primary',
  OOM: 'the server has no memory left: raise its `maxmemory`',
  MISCONF: 'the server refuses writes because it cannot save to its disk',
  NOREPLICAS: 'the server refuses writes because too few replicas follow it (`min-replicas-to-write`)',
  BUSY: 'the server is busy with a script that does not end',
  UNKILLABLE: 'the server is busy with a script that does not end',
  CLUSTERDOWN: 'the Cluster does not serve all of its slots',
  MOVED: 'the server is a node of a Cluster: write the URL as redis+cluster://',
  ASK: 'the Cluster is moving slots',
  TRYAGAIN: 'the Cluster is moving slots',
}

/** Said where the client tells nothing more. */
export const connectionClosed = 'the connection was closed'

/** The same, of a server that has not answered anything yet. */
export const neverAnswered = `${connectionClosed} without an answer: if the server wants TLS, write rediss://`

/** Replies that have no code of their own, told apart by the only thing there is: their text. */
const refusalTexts: readonly (readonly [RegExp, string])[] = [
  [
    /DB index is out of range|invalid DB index/,
    'the server has no database of this number: see `store` in the configuration',
  ],
  [/SELECT is not allowed in cluster mode/, 'a Cluster has only database 0, and takes redis+cluster://'],
  [/cluster support disabled/, 'the server is no node of a Cluster: write the URL as redis://'],
  [/No such master with that name/, 'the Sentinels know no primary of this name'],
  [/AUTH <password> called without any password/, refusals.WRONGPASS ?? ''],
]

const systemErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'no connection comes about: if the server speaks no TLS, write redis:// instead of rediss://',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EPROTO: 'the server does not speak TLS: write redis:// instead of rediss://',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS: write redis:// instead of rediss://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS: write redis:// instead of rediss://',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the server’s certificate is for another name',
  CERT_HAS_EXPIRED: 'the server’s certificate has expired',
  SELF_SIGNED_CERT_IN_CHAIN: 'the server’s certificate is not trusted: `store.ca` names its authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the server’s certificate is not trusted: `store.ca` names its authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the server’s certificate is not trusted: `store.ca` names its authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the server’s certificate is not trusted: `store.ca` names its authority',
}

const noPermission =
  'the ACL user may not do what the gateway needs: docs/operations.md has the rule that it takes'

/**
 * Tells what a failure of the client means. Nothing of the error itself goes on: the client hangs the command with all
 * its arguments onto it, and the text of a reply may quote them.
 */
export function describeFailure(error: unknown): StoreFailure {
  if (!(error instanceof Error)) return { isOfScript: false, reason: 'unknown' }
  if (error instanceof ReplyRefused)
    return { isOfScript: false, reason: `what answers there is no Redis: ${error.message}` }
  const cause = 'lastNodeError' in error ? error.lastNodeError : undefined
  if (cause instanceof Error) return describeFailure(cause)
  return isReply(error) ? describeReply(error) : { isOfScript: false, reason: describeConnection(error) }
}

/** Whether the server does not know the script whose digest it was given. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && isReply(error) && error.message.startsWith('NOSCRIPT')
}

function isReply(error: Error): boolean {
  return error.name === 'ReplyError' || /^[A-Z]+ /.test(error.message)
}

function describeReply({ message }: Error): StoreFailure {
  const code = /^[A-Z]+(?= )/.exec(message)?.[0] ?? 'ERR'
  const refusal = refusals[code] ?? refusalTexts.find(([pattern]) => pattern.test(message))?.[1]
  if (refusal !== undefined) return { isOfScript: false, reason: `${refusal} (${code})` }
  if (code === 'NOPERM') return { isOfScript: true, reason: `${noPermission} (NOPERM)` }
  if (code === 'CROSSSLOT') return { isOfScript: true, reason: 'its keys are of several buckets (CROSSSLOT)' }
  const line = /user_script:(\d+)/.exec(message)?.[1]
  return { isOfScript: true, reason: line === undefined ? code : `${code} in line ${line}` }
}

function describeConnection(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : codeIn(error.message)
  const text = systemErrors[code]
  if (text !== undefined) return `${text} (${code})`
  if (error.message.startsWith('All sentinels are unreachable')) return describeSentinels(error.message)
  if (error instanceof AnswerTimeout || error.message === 'Command timed out') return 'no answer in time'
  return ['', 'ECONNRESET', 'EPIPE'].includes(code) ? connectionClosed : code
}

/** The client tells of the Sentinels in text alone, and of one that does not know the primary in no text at all. */
function describeSentinels(message: string): string {
  const last = /Last error: (.*)$/s.exec(message)?.[1]
  if (last === undefined) return 'the Sentinels know no primary of this name'
  return `no Sentinel names the primary: ${describeFailure(new Error(last)).reason}`
}

function codeIn(message: string): string {
  return /^(?:connect|read|write|getaddrinfo) (E[A-Z_]+)/.exec(message)?.[1] ?? ''
}
