import type { Selectable } from 'kysely'
import type { Quota } from '../../common/quota.ts'
import { bytewise, type Page, type PageRequest, scanPage } from './bounded-scan.ts'
import { maxCounted } from './role-repository.ts'
import { locked } from './row-locks.ts'
import { type Database, joinList, splitList, type Tables } from './tables.ts'

/** What clients of one kind may do: its quota goes before their own, its roles come to theirs. */
export interface Plan {
  readonly id: string
  readonly name: string
  /** Sorted, each once. */
  readonly roles: readonly string[]
  readonly quota: Quota
  readonly createdAt: number
  readonly updatedAt: number
}

/** The table of plans. */
export class PlanRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** False where the id is taken. */
  async insert(plan: Plan): Promise<boolean> {
    const row = await this.#db
      .insertInto('plans')
      .values(toRow(plan))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  }

  async update(plan: Plan): Promise<void> {
    await this.#db.updateTable('plans').set(toRow(plan)).where('id', '=', plan.id).execute()
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('plans').where('id', '=', id).execute()
  }

  async find(id: string): Promise<Plan | undefined> {
    const row = await this.#db.selectFrom('plans').selectAll().where('id', '=', id).executeTakeFirst()
    return row && toPlan(row)
  }

  /** As {@link find}, within a transaction that keeps other changes of the plan waiting until it ends. */
  async findLocked(id: string): Promise<Plan | undefined> {
    const query = this.#db.selectFrom('plans').selectAll().where('id', '=', id)
    const row = await locked(this.#db, query).executeTakeFirst()
    return row && toPlan(row)
  }

  /** In the order of their ids. */
  async page(request: PageRequest): Promise<Page<Plan>> {
    const id = bytewise(this.#db, 'id')
    return scanPage({
      ...request,
      read: async (after, count) => {
        let query = this.#db.selectFrom('plans').selectAll()
        if (after !== undefined) query = query.where(id, '>', String(after[0]))
        return (await query.orderBy(id).limit(count).execute()).map(toPlan)
      },
      keyOf: (plan) => [plan.id],
    })
  }

  async ids(): Promise<string[]> {
    const rows = await this.#db.selectFrom('plans').select('id').execute()
    return rows.map(({ id }) => id)
  }

  /** How many clients have the plan, counted up to `maxCounted`. */
  async countClients(id: string): Promise<number> {
    const { count } = await this.#db
      .selectFrom((from) =>
        from.selectFrom('clients').select('plan_id').where('plan_id', '=', id).limit(maxCounted).as('having'),
      )
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }
}

function toRow(plan: Plan): Selectable<Tables['plans']> {
  return {
    id: plan.id,
    name: plan.name,
    roles: joinList(plan.roles),
    rate_limit: plan.quota.limit,
    rate_limit_window_ms: plan.quota.windowMs,
    created_at: plan.createdAt,
    updated_at: plan.updatedAt,
  }
}

function toPlan(row: Selectable<Tables['plans']>): Plan {
  return {
    id: row.id,
    name: row.name,
    roles: splitList(row.roles),
    quota: { limit: row.rate_limit, windowMs: row.rate_limit_window_ms },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
