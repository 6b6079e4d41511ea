import { ClientRegistry, type RegistrySources } from '../clients/client-registry.ts'
import { ClientSecrets } from '../clients/client-secrets.ts'
import { PlanRegistry } from '../clients/plan-registry.ts'
import { ResourceRegistry } from '../clients/resource-registry.ts'
import { RoleRegistry } from '../clients/role-registry.ts'
import { AuditRepository } from '../store/audit-repository.ts'
import { Changes } from '../store/changes.ts'
import type { Database } from '../store/tables.ts'
import type { TokenInspector } from '../tokens/token-inspector.ts'
import { TokenRegistry } from '../tokens/token-registry.ts'
import { PasswordHasher } from '../users/password-hasher.ts'
import { UserRegistry } from '../users/user-registry.ts'

/** What is administered: by the admin API, and by the command line on the same database. */
export interface Administration {
  readonly clients: ClientRegistry
  readonly secrets: ClientSecrets
  readonly tokens: TokenRegistry
  readonly users: UserRegistry
  readonly roles: RoleRegistry
  readonly plans: PlanRegistry
  readonly resources: ResourceRegistry
  readonly audit: AuditRepository
  readonly changes: Changes
  readonly now: () => number
}

/** What the admin API works with beside it. */
export interface AdminServices extends Administration {
  readonly inspector: TokenInspector
  /** The URL by which clients know this server: tokens that are for other resources only open nothing here. */
  readonly issuer: () => string
  /** Asks the database for a sign of life; rejects when there is none. */
  readonly checkStore: () => Promise<unknown>
  readonly metrics: MetricsSource
}

/** What is scraped at `/metrics`. */
export interface MetricsSource {
  readonly contentType: string
  render(): Promise<string>
}

/** Everything that administers a database. */
export function createAdministration(db: Database, sources: RegistrySources): Administration {
  const { now, random, listener } = sources
  const changes = new Changes(db, now, listener)
  return {
    clients: new ClientRegistry(db, sources),
    secrets: new ClientSecrets(db, sources),
    tokens: new TokenRegistry({ db, now, changes }),
    users: new UserRegistry(db, { now, hasher: new PasswordHasher(random), listener }),
    roles: new RoleRegistry(db, changes),
    plans: new PlanRegistry(db, changes),
    resources: new ResourceRegistry(db, changes),
    audit: new AuditRepository(db),
    changes,
    now,
  }
}
