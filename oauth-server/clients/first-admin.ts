import { ChangeConflict } from '../refused-changes.ts'
import { ClientRepository } from '../store/client-repository.ts'
import { writeClientsAlone } from '../store/sole-writer.ts'
import type { Database } from '../store/tables.ts'

/**
 * Within a transaction that is about to make the first administrator: throws {@link ChangeConflict} where there is one. Of
 * two at once the second waits for the first, and sees what it has made.
 */
export async function requireNoAdministrator(db: Database): Promise<void> {
  await writeClientsAlone(db)
  const [id] = await new ClientRepository(db).lockAdmins()
  if (id === undefined) return
  throw new ChangeConflict(
    'exists',
    `the client ${id} may administer already: use it, or make another one by --force`,
  )
}
