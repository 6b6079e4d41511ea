import { ChangeConflict } from '../refused-changes.ts'
import { ClientRepository } from '../store/client-repository.ts'
import type { Database } from '../store/tables.ts'

/**
 * Within a transaction that is about to take administering away from a client: throws {@link ChangeConflict} where it is
 * the last that can.
 */
export async function keepAdministrators(db: Database, id: string): Promise<void> {
  const admins = await new ClientRepository(db).lockAdmins()
  if (!admins.includes(id) || admins.length > 1) return
  throw new ChangeConflict(
    'last-admin',
    `the client ${JSON.stringify(id)} is the last that can administer: make another with the scope admin first`,
  )
}
