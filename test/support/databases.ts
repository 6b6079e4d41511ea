import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { needs, postgres, postgresUrl } from './services.ts'

/** A database of one test, empty at its beginning and gone after it. */
export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** A kind of database that the contracts are held on. */
export interface DatabaseKind {
  readonly name: string
  /** Skips the test where the database is missing. */
  readonly options: { readonly skip?: string }
  create(): Promise<TestDatabase>
}

export async function createSqlite(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'passerelle-'))
  return {
    url: `sqlite:${join(folder, 'test.db')}`,
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

export async function createPostgres(): Promise<TestDatabase> {
  const name = `passerelle_${randomBytes(6).toString('hex')}`
  await administer(`create database ${name}`)
  const url = new URL(postgresUrl)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => administer(`drop database ${name} with (force)`) }
}

/** SQLite, which is always there, and the real Postgres. */
export async function databaseKinds(): Promise<DatabaseKind[]> {
  return [
    { name: 'SQLite', options: {}, create: createSqlite },
    { name: 'Postgres', options: await needs(postgres), create: createPostgres },
  ]
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
