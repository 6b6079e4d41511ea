import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** A folder that is missing and cannot be made; the message is one line that names it and says what to do. */
export class FolderNotMade extends Error {
  constructor(folder: string, reason: string, cause?: unknown) {
    super(
      `the folder ${folder} cannot be made: ${reason}. Make it and give it to this user, or name another place`,
      { cause },
    )
    this.name = 'FolderNotMade'
  }
}

/**
 * Makes a folder where there is none, and those above it, for their owner alone. One by one: Node's own recursive mkdir
 * never returns where the system makes nothing below a folder that is there, as in /proc. Throws {@link FolderNotMade}.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (!isFolder(folder)) throw new FolderNotMade(folder, 'a file has that name')
    return
  }
  const parent = dirname(folder)
  // Above the root and a deleted working folder there is nothing more to make.
  if (parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process that starts at the same time may have been faster.
    if (!isFolder(folder)) throw new FolderNotMade(folder, reasonOf(error), error)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? `the system answers ${error.code}` : String(error)
}
