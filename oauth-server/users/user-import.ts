import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Actor } from '../store/audit-repository.ts'
import type { Changes } from '../store/changes.ts'
import { usernameKey } from '../store/user-repository.ts'
import { type ImportedUser, upsertUsers } from '../store/user-upsert.ts'
import { readImportedUser, UserLineBroken } from './imported-user.ts'
import { type Line, readLines } from './lines.ts'

/** Why a line was not taken. It holds no password hash. */
export interface ImportFault {
  readonly line: number
  readonly member: string | undefined
  readonly rule: string
}

/** What has become of the lines. */
export interface ImportReport {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  readonly failed: number
  /** The first thousand of the lines that failed. */
  readonly faults: readonly ImportFault[]
}

/** Most bytes of one line. */
const maxLineBytes = 16_384

const maxFaults = 1_000
const usersAtATime = 250

/**
 * Makes and changes users from lines of JSON, one user each, told apart by username: what the lines say is how it is
 * afterwards, however often they are sent. A batch of lines is one transaction with one entry in the audit trail, and
 * between two of them others work. A line that is wrong keeps no other from being taken.
 */
export async function importUsers(
  bytes: AsyncIterable<Uint8Array>,
  changes: Changes,
  actor: Actor,
): Promise<ImportReport> {
  const count = { created: 0, updated: 0, unchanged: 0, failed: 0 }
  const faults: ImportFault[] = []
  let batch = new Map<string, ImportedUser>()
  const flush = async () => {
    if (batch.size === 0) return
    const stored = await storeBatch([...batch.values()], changes, actor)
    for (const member of ['created', 'updated', 'unchanged'] as const) count[member] += stored[member]
    batch = new Map()
    await nextTurn()
  }
  for await (const line of readLines(bytes, maxLineBytes)) {
    const user = read(line, (fault) => {
      count.failed += 1
      if (faults.length < maxFaults) faults.push(fault)
    })
    if (user === undefined) continue
    const key = usernameKey(user.username)
    // Of two lines about one user the later one counts, and finds what the earlier one made.
    if (batch.has(key) || batch.size === usersAtATime) await flush()
    batch.set(key, user)
  }
  await flush()
  return { ...count, faults }
}

function storeBatch(users: readonly ImportedUser[], changes: Changes, actor: Actor) {
  return changes.make(actor, async ({ db, now, audit, affects }) => {
    const { refreshed, revoked, ...count } = await upsertUsers(db, users, now)
    for (const id of refreshed) affects({ kind: 'user', id }, 'refresh')
    for (const id of revoked) affects({ kind: 'user', id }, 'revoke')
    if (count.created + count.updated > 0)
      await audit({ action: 'users.imported', target: 'users', detail: count })
    return count
  })
}

function read(line: Line, report: (fault: ImportFault) => void): ImportedUser | undefined {
  if (line.text?.trim() === '') return undefined
  try {
    return readImportedUser(line, maxLineBytes)
  } catch (error) {
    if (!(error instanceof UserLineBroken)) throw error
    report({ line: line.number, member: error.member, rule: error.rule })
    return undefined
  }
}
