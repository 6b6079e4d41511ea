import { closest, distance } from 'fastest-levenshtein'
import { isRole, roleRule } from '../../common/role.ts'
import { ChangeConflict, RuleBroken, ThingNotFound } from '../refused-changes.ts'
import type { Actor } from '../store/audit-repository.ts'
import type { Page, PageRequest } from '../store/bounded-scan.ts'
import type { Change, Changes } from '../store/changes.ts'
import { maxCounted, type Role, RoleRepository, type Usage } from '../store/role-repository.ts'
import type { Database } from '../store/tables.ts'

/** The roles that clients and plans can have. */
export class RoleRegistry {
  readonly #roles: RoleRepository
  readonly #changes: Changes

  constructor(db: Database, changes: Changes) {
    this.#roles = new RoleRepository(db)
    this.#changes = changes
  }

  /** Makes a role. Throws {@link RuleBroken}, and {@link ChangeConflict} where it is there already. */
  create(wanted: Pick<Role, 'name' | 'description'>, actor: Actor): Promise<Role> {
    return this.#changes.make(actor, async ({ db, now, audit }) => {
      if (!isRole(wanted.name))
        throw new RuleBroken('name', "the role's name", { value: wanted.name, rule: roleRule })
      checkDescription(wanted.description)
      const role = { name: wanted.name, description: wanted.description, createdAt: now }
      if (!(await new RoleRepository(db).insert(role)))
        throw new ChangeConflict('exists', `there is a role ${JSON.stringify(role.name)} already`)
      await audit({ action: 'role.created', target: `role:${role.name}`, detail: { ...wanted } })
      return role
    })
  }

  /** In the order of their names. */
  page(request: PageRequest): Promise<Page<Role>> {
    return this.#roles.page(request)
  }

  /** Throws {@link ThingNotFound}. */
  show(name: string): Promise<Role> {
    return findRole(this.#roles, name)
  }

  /** Describes the role anew: its name is what backends know it by, and stays. Throws {@link ThingNotFound}. */
  describe(name: string, description: string, actor: Actor): Promise<Role> {
    return this.#changes.make(actor, async ({ db, audit }) => {
      checkDescription(description)
      const roles = new RoleRepository(db)
      const role = await findRole(roles, name)
      if (role.description === description) return role
      await roles.describe(name, description)
      const changes = { description: { from: role.description, to: description } }
      await audit({ action: 'role.changed', target: `role:${name}`, detail: { changes } })
      return { ...role, description }
    })
  }

  /** Throws {@link ThingNotFound}, and {@link ChangeConflict} while a client or a plan has it. */
  delete(name: string, actor: Actor): Promise<void> {
    return this.#changes.make(actor, async ({ db, audit }) => {
      const roles = new RoleRepository(db)
      await findRole(roles, name)
      const usage = await roles.countUse(name)
      if (usage.clients + usage.plans > 0)
        throw new ChangeConflict(
          'in-use',
          `the role ${JSON.stringify(name)} is in use by ${describeUsage(usage)}: take it from them first`,
        )
      await roles.delete(name)
      await audit({ action: 'role.deleted', target: `role:${name}` })
    })
  }
}

/** Whether roles that nobody has made yet are to be made along the way. */
export interface RoleOptions {
  readonly createRoles?: boolean | undefined
}

/** Whose roles are held against those that are there. */
interface HolderOfRoles extends RoleOptions {
  /** As people say it, such as `the client's role`. */
  readonly what: string
  readonly roles: readonly string[]
}

/**
 * Has every role be one that is known, or makes it where that is asked for; returns what was made. Throws
 * {@link RuleBroken} with the nearest known one.
 */
export async function requireRoles(
  { db, now }: Pick<Change, 'db' | 'now'>,
  { what, roles, createRoles = false }: HolderOfRoles,
): Promise<string[]> {
  if (roles.length === 0) return []
  const repository = new RoleRepository(db)
  const known = await repository.names()
  const unknown = roles.filter((role) => !known.includes(role))
  const [first] = unknown
  if (first !== undefined && !createRoles)
    throw new RuleBroken('roles', what, {
      value: first,
      rule: `is not known${suggest(first, known)}: make it first, or ask for it to be made (create_roles, --create-roles)`,
    })
  for (const name of unknown) await repository.insert({ name, description: '', createdAt: now })
  return unknown
}

/** More signs than this apart, one name is no slip of another. */
const maxSlips = 3

/** `; did you mean "USER"?` where a known name is near. */
export function suggest(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const nearest = closest(name, known)
  return distance(name, nearest) <= maxSlips ? ` (did you mean ${JSON.stringify(nearest)}?)` : ''
}

function describeUsage({ clients, plans }: Usage): string {
  return [
    clients > 0
      ? `${clients === maxCounted ? `${maxCounted} or more` : clients} ${clients === 1 ? 'client' : 'clients'}`
      : '',
    plans > 0 ? `${plans} ${plans === 1 ? 'plan' : 'plans'}` : '',
  ]
    .filter((part) => part !== '')
    .join(' and ')
}

async function findRole(roles: RoleRepository, name: string): Promise<Role> {
  const role = isRole(name) ? await roles.find(name) : undefined
  if (role === undefined) throw new ThingNotFound('role', name)
  return role
}

function checkDescription(description: string): void {
  if (!/^[^\p{C}\p{Zl}\p{Zp}]{0,200}$/u.test(description))
    throw new RuleBroken('description', "the role's description", {
      value: description.slice(0, 100),
      rule: 'must be 0 to 200 printable characters',
    })
}
