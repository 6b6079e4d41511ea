import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { NotMeasurable } from '../measurement.ts'

/** A database of the bench alone. */
export interface PostgresDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** The Postgres of this machine; `PASSERELLE_TEST_POSTGRES` names another, as it does for the tests. */
const administratorUrl = process.env.PASSERELLE_TEST_POSTGRES ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Makes an empty one. Throws {@link NotMeasurable} where there is no Postgres. */
export async function createPostgres(): Promise<PostgresDatabase> {
  const name = `passerelle_bench_${randomBytes(6).toString('hex')}`
  await administer(`create database ${name}`)
  const url = new URL(administratorUrl)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => administer(`drop database ${name} with (force)`) }
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: administratorUrl, connectionTimeoutMillis: 5_000 })
  try {
    await client.connect()
    await client.query(statement)
  } catch (error) {
    throw new NotMeasurable(`Postgres: ${error instanceof Error ? error.message : error}`)
  } finally {
    await client.end()
  }
}
