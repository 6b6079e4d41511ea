import { Command } from 'ioredis'
import { isPort, ReplyRefused } from './reply-guard.ts'

/** Slots of a Cluster, and most of its nodes: as many as its specification has in mind. */
const maxSlots = 16_384
const maxNodes = 1_000

/**
 * Has every answer of which ioredis makes a topology checked first: it would go through what a server calls a range of
 * slots number by number, connect to whatever is called a node, and give up for good at an address that is none.
 */
export function checkTopologyReplies(): void {
  Command.setReplyTransformer('cluster', checkSlots)
  Command.setReplyTransformer('sentinel', checkPrimary)
}

/** The answer to `CLUSTER SLOTS`: ranges of slots, each with its nodes. Throws {@link ReplyRefused}. */
function checkSlots(reply: unknown): unknown {
  if (!Array.isArray(reply) || reply.length > maxSlots || !reply.every(isRange))
    throw new ReplyRefused('CLUSTER SLOTS gives no ranges of slots with their nodes')
  const nodes = new Set(reply.flatMap((range: readonly unknown[]) => range.slice(2).map(String)))
  if (nodes.size > maxNodes) throw new ReplyRefused(`the Cluster has over ${maxNodes} nodes`)
  return reply
}

function isRange(range: unknown): boolean {
  if (!Array.isArray(range) || range.length < 3) return false
  const [first, last, ...nodes] = range as unknown[]
  return isSlot(first) && isSlot(last) && nodes.every(isNode)
}

function isSlot(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < maxSlots
}

/** A node that does not know its own host yet gives none. */
function isNode(node: unknown): boolean {
  if (!Array.isArray(node)) return false
  const [host, port] = node as unknown[]
  return (host === null || typeof host === 'string') && isPort(port)
}

/** The answer of a Sentinel that is asked for a primary: its host and port, or nothing. Throws {@link ReplyRefused}. */
function checkPrimary(reply: unknown): unknown {
  if (reply === null) return null
  const [host, port, ...rest]: unknown[] = Array.isArray(reply) ? reply : []
  const isAddress =
    typeof host === 'string' && host !== '' && typeof port === 'string' && isPort(Number(port))
  if (!isAddress || rest.length > 0) throw new ReplyRefused('a Sentinel gives no host and port of a primary')
  return reply
}
