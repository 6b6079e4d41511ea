import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseDatabaseUrl } from '../../common/database-url.ts'

/** Where a server gets its key-encryption key from. */
export interface KeyEncryptionKeySource {
  /** 32 bytes in base64url, from the configuration. */
  readonly keyEncryptionKey: string | undefined
  readonly database: string
}

/** The key file is no key; the message is one line with the cure. */
export class KeyFileBroken extends Error {
  constructor(file: string, reason: string) {
    super(
      `the key file ${file} cannot be used: ${reason}. Restore it, or set keyEncryptionKey, or delete it and make a new signing key by "passerelle keys rotate --immediately"`,
    )
    this.name = 'KeyFileBroken'
  }
}

/**
 * The key that encrypts the signing keys: the configured one, or with SQLite that of the file beside the database, which
 * is made when it is missing. `undefined` with Postgres where none is configured: several servers must share it, and the
 * database is the one place where it must not be. Throws {@link KeyFileBroken}.
 */
export function findKeyEncryptionKey(source: KeyEncryptionKeySource): Uint8Array | undefined {
  if (source.keyEncryptionKey !== undefined) return Buffer.from(source.keyEncryptionKey, 'base64url')
  const location = parseDatabaseUrl(source.database)
  if (location?.kind !== 'sqlite') return undefined
  return location.file === ':memory:' ? randomBytes(32) : readOrMake(`${location.file}.key`)
}

function readOrMake(file: string): Uint8Array {
  const key = Buffer.from(read(file) ?? make(file), 'base64url')
  if (key.length !== 32) throw new KeyFileBroken(file, 'it does not hold 32 bytes in base64url')
  return key
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT') return undefined
    throw new KeyFileBroken(file, code)
  }
}

/** A link appears whole or not at all: of two processes that start at once the second takes the key of the first. */
function make(file: string): string {
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    linkSync(draft, file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code !== 'EEXIST') throw new KeyFileBroken(file, code)
  } finally {
    rmSync(draft, { force: true })
  }
  return read(file) ?? ''
}
