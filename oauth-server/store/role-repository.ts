import { bytewise, type Page, type PageRequest, scanPage } from './bounded-scan.ts'
import { type Database, splitList } from './tables.ts'

/** A role that clients and plans can have; backends are told its name. */
export interface Role {
  readonly name: string
  /** For people; may be empty. */
  readonly description: string
  readonly createdAt: number
}

/** How many have a thing; counted up to {@link maxCounted}. */
export interface Usage {
  readonly clients: number
  readonly plans: number
}

/** What is used more often than this is told as this number. */
export const maxCounted = 10_000

/** The table of roles. */
export class RoleRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** False where the role is there already. */
  async insert(role: Role): Promise<boolean> {
    const row = await this.#db
      .insertInto('roles')
      .values({ name: role.name, description: role.description, created_at: role.createdAt })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('name')
      .executeTakeFirst()
    return row !== undefined
  }

  async find(name: string): Promise<Role | undefined> {
    const row = await this.#db.selectFrom('roles').selectAll().where('name', '=', name).executeTakeFirst()
    return row && { name: row.name, description: row.description, createdAt: row.created_at }
  }

  /** In the order of their names. */
  page(request: PageRequest): Promise<Page<Role>> {
    const name = bytewise(this.#db, 'name')
    return scanPage({
      ...request,
      read: async (after, count) => {
        let query = this.#db.selectFrom('roles').select(['name', 'description', 'created_at as createdAt'])
        if (after !== undefined) query = query.where(name, '>', String(after[0]))
        return query.orderBy(name).limit(count).execute()
      },
      keyOf: (role) => [role.name],
    })
  }

  /** All names: roles are few. */
  async names(): Promise<string[]> {
    const rows = await this.#db.selectFrom('roles').select('name').execute()
    return rows.map(({ name }) => name)
  }

  async describe(name: string, description: string): Promise<void> {
    await this.#db.updateTable('roles').set({ description }).where('name', '=', name).execute()
  }

  async delete(name: string): Promise<void> {
    await this.#db.deleteFrom('roles').where('name', '=', name).execute()
  }

  async countUse(name: string): Promise<Usage> {
    const clients = await this.#db
      .selectFrom((from) =>
        from
          .selectFrom('client_roles')
          .select('role')
          .where('role', '=', name)
          .limit(maxCounted)
          .as('having'),
      )
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow()
    const plans = await this.#db.selectFrom('plans').select('roles').execute()
    return {
      clients: Number(clients.count),
      plans: plans.filter(({ roles }) => splitList(roles).includes(name)).length,
    }
  }
}
