import type { Actor } from '../store/audit-repository.ts'
import { Changes } from '../store/changes.ts'
import { type ConsentKey, ConsentRepository } from '../store/consent-repository.ts'
import { type Database, sortedOnce } from '../store/tables.ts'

/** What a client wants a user to let it do. */
export interface WantedConsent extends ConsentKey {
  readonly scope: readonly string[]
}

/** What users have let clients do; remembered, so that they are asked once. */
export class Consents {
  readonly #consents: ConsentRepository
  readonly #changes: Changes

  constructor(db: Database, now: () => number) {
    this.#consents = new ConsentRepository(db)
    this.#changes = new Changes(db, now)
  }

  /** Whether the user has granted all of this before, for exactly these resources. */
  async covers(wanted: WantedConsent): Promise<boolean> {
    const granted = await this.#consents.findScopes(toKey(wanted))
    return wanted.scope.every((scope) => granted.includes(scope))
  }

  /** Remembers what the user grants, besides what they granted before. */
  async remember(wanted: WantedConsent, actor: Actor): Promise<void> {
    await this.#changes.make(actor, async ({ db, now, audit }) => {
      const consents = new ConsentRepository(db)
      const key = toKey(wanted)
      const scope = sortedOnce([...(await consents.findScopes(key)), ...wanted.scope])
      await consents.save(key, scope, now)
      await audit({
        action: 'consent.granted',
        target: `user:${key.userId}`,
        detail: { client: key.clientId, scope: wanted.scope, audience: key.audience },
      })
    })
  }
}

function toKey({ userId, clientId, audience }: WantedConsent): ConsentKey {
  return { userId, clientId, audience: sortedOnce(audience) }
}
