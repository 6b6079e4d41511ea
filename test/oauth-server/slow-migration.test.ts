import pg from 'pg'
import t from 'tap'
import { migrationState } from '../../oauth-server/store/migrate.ts'
import { openDatabase } from '../../oauth-server/store/open-database.ts'
import { createPostgres } from '../support/databases.ts'
import { needs, postgres } from '../support/services.ts'

/** Longer than a query may take, by the server's limit of 10 seconds and by the client's of 12. */
const slowS = 13

/** What a large table does: the first index that is made takes long. */
const slowFirstIndex = `
  create sequence indexes_made;
  create function be_slow() returns event_trigger language plpgsql as $$ begin
    if nextval('indexes_made') = 1 then perform pg_sleep(${slowS}); end if;
  end $$;
  create event trigger slow_index on ddl_command_start when tag in ('CREATE INDEX') execute function be_slow();`

t.test(
  'a migration takes as long as it takes, and a process that starts meanwhile waits for it',
  { ...(await needs(postgres)), timeout: 120_000 },
  async (t) => {
    const database = await createPostgres()
    t.teardown(() => database.drop())
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    t.teardown(() => client.end())
    await client.query(slowFirstIndex)
    await client.query(`alter database ${client.database} set statement_timeout = '5s'`)

    for (const db of await Promise.all([openDatabase(database.url), openDatabase(database.url)])) {
      t.strictSame((await migrationState(db)).missing, [])
      await db.destroy()
    }
    const { rows } = await client.query('select last_value from indexes_made')
    t.ok(Number(rows[0].last_value) > 1, 'it was slow at the first')
  },
)
