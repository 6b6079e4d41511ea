import { userInfo } from 'node:os'
import type { Actor } from '../oauth-server/store/audit-repository.ts'

/** Who works on the command line, for the audit trail: the system's user. */
export function commandLine(): Actor {
  return { id: `cli:${userName()}`, address: null }
}

/** A user id without a name, as containers have it, makes the system's call fail. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
