import { formatQuota, isQuota, quotaRule } from '../../common/quota.ts'
import { isRole, roleRule } from '../../common/role.ts'
import { ChangeConflict, RuleBroken, ThingNotFound, VersionMismatch } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Page, PageRequest } from '../store/bounded-scan.ts'
import type { Changes } from '../store/changes.ts'
import { memberChanges } from '../store/member-changes.ts'
import { type Plan, PlanRepository } from '../store/plan-repository.ts'
import { maxCounted } from '../store/role-repository.ts'
import { type Database, sortedOnce } from '../store/tables.ts'
import { type RoleOptions, requireRoles } from './role-registry.ts'

/** What is asked of a new plan. */
export type NewPlan = Pick<Plan, 'id' | 'name' | 'roles' | 'quota'>

/** What can be changed of a plan: everything but its id, which its clients refer to. */
export interface PlanChange extends RoleOptions {
  readonly membersOf: (before: Plan) => Partial<Omit<NewPlan, 'id'>>
  /** Whether the plan is still the one that the caller has read. */
  readonly isExpected?: ((plan: Plan) => boolean) | undefined
}

/** The plans that clients can have. */
export class PlanRegistry {
  readonly #plans: PlanRepository
  readonly #changes: Changes

  constructor(db: Database, changes: Changes) {
    this.#plans = new PlanRepository(db)
    this.#changes = changes
  }

  /** Makes a plan. Throws {@link RuleBroken}, and {@link ChangeConflict} where its id is taken. */
  create({ createRoles, ...wanted }: NewPlan & RoleOptions, actor: Actor): Promise<Plan> {
    return this.#changes.make(actor, async ({ db, now, audit }) => {
      const plan = { ...wanted, roles: sortedOnce(wanted.roles), createdAt: now, updatedAt: now }
      checkPlan(plan)
      const createdRoles = await requireRoles({ db, now }, { ...ofPlan, roles: plan.roles, createRoles })
      if (!(await new PlanRepository(db).insert(plan)))
        throw new ChangeConflict('exists', `there is a plan ${JSON.stringify(plan.id)} already`)
      await audit({
        action: 'plan.created',
        target: `plan:${plan.id}`,
        detail: { ...wanted, ...(createdRoles.length > 0 && { createdRoles }) },
      })
      return plan
    })
  }

  /** In the order of their ids. */
  page(request: PageRequest): Promise<Page<Plan>> {
    return this.#plans.page(request)
  }

  /** Throws {@link ThingNotFound}. */
  show(id: string): Promise<Plan> {
    return findPlan(this.#plans, id)
  }

  /**
   * Acts at once, for every client that has the plan. Throws {@link ThingNotFound}, {@link RuleBroken} and
   * {@link VersionMismatch}.
   */
  change(id: string, { membersOf, createRoles, isExpected }: PlanChange, actor: Actor): Promise<Plan> {
    return this.#changes.make(actor, async ({ db, now, audit, affects }) => {
      const plans = new PlanRepository(db)
      const before = await lockPlan(plans, id)
      if (isExpected?.(before) === false) throw new VersionMismatch()
      const after = { ...before, ...membersOf(before), updatedAt: now }
      const plan = { ...after, roles: sortedOnce(after.roles) }
      checkPlan(plan)
      const createdRoles = await requireRoles({ db, now }, { ...ofPlan, roles: plan.roles, createRoles })
      const changes = memberChanges(before, plan, ['updatedAt'])
      if (Object.keys(changes).length === 0) return before
      await plans.update(plan)
      affects({ kind: 'plan', id }, 'refresh')
      await audit({
        action: 'plan.changed',
        target: `plan:${id}`,
        detail: { changes, ...(createdRoles.length > 0 && { createdRoles }) },
      })
      return plan
    })
  }

  /** Throws {@link ThingNotFound}, and {@link ChangeConflict} while a client has it. */
  delete(id: string, actor: Actor): Promise<void> {
    return this.#changes.make(actor, async ({ db, audit }) => {
      const plans = new PlanRepository(db)
      await lockPlan(plans, id)
      const count = await plans.countClients(id)
      if (count > 0) {
        const clients = `${count === maxCounted ? `${maxCounted} or more` : count} ${count === 1 ? 'client' : 'clients'}`
        throw new ChangeConflict(
          'in-use',
          `the plan ${JSON.stringify(id)} is in use by ${clients}: give them another first`,
        )
      }
      await plans.delete(id)
      await audit({ action: 'plan.deleted', target: `plan:${id}` })
    })
  }
}

const ofPlan = { what: "the plan's role" }

async function findPlan(plans: PlanRepository, id: string): Promise<Plan> {
  const plan = planIdPattern.test(id) ? await plans.find(id) : undefined
  if (plan === undefined) throw new ThingNotFound('plan', id)
  return plan
}

/** One change after the other: of two that read the same plan the second sees what the first has made. */
async function lockPlan(plans: PlanRepository, id: string): Promise<Plan> {
  const plan = planIdPattern.test(id) ? await plans.findLocked(id) : undefined
  if (plan === undefined) throw new ThingNotFound('plan', id)
  return plan
}

/** What a plan's id looks like. */
const planIdPattern = /^[a-z0-9][a-z0-9-]{0,63}$/

function checkPlan({ id, name, roles, quota }: Plan): void {
  if (!planIdPattern.test(id))
    throw new RuleBroken('id', "the plan's id", {
      value: id.slice(0, 100),
      rule: 'must be 1 to 64 small letters, digits or hyphens, and begin with no hyphen',
    })
  if (!/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(name) || name.trim() === '')
    throw new RuleBroken('name', "the plan's name", {
      value: name.slice(0, 200),
      rule: 'must be 1 to 100 printable characters',
    })
  const wrong = roles.find((role) => !isRole(role))
  if (wrong !== undefined) throw new RuleBroken('roles', "the plan's role", { value: wrong, rule: roleRule })
  // The wire gives the window in seconds.
  if (!isQuota(quota.limit, quota.windowMs) || quota.windowMs % 1_000 !== 0)
    throw new RuleBroken('quota', "the plan's quota", {
      value: formatQuota(quota),
      rule: `${quotaRule}, in whole seconds`,
    })
}
