import type { Actor } from '../store/audit-repository.ts'
import { Changes } from '../store/changes.ts'
import {
  type SigningAlgorithm,
  SigningKeyRepository,
  type StoredSigningKey,
} from '../store/signing-key-repository.ts'
import type { Database } from '../store/tables.ts'
import type { KeyCipher } from './key-cipher.ts'
import { keyInUse, publishedAheadMs } from './key-schedule.ts'
import { makeKey } from './make-key.ts'

/** A signing key as it may be shown. */
export interface ListedKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly createdAt: number
  readonly signsFrom: number
  /** `next` is published and does not sign yet; `old` is published until the last token that it signed has expired. */
  readonly state: 'next' | 'signing' | 'old'
}

/** How a key is to be followed by a new one. */
export interface Rotation {
  readonly algorithm: SigningAlgorithm
  /** Withdraws every older key at once, and the tokens that they signed with them: for a key that others may have. */
  readonly immediately: boolean
}

/** A new key is published already and waits for its time; the message is one line with the cure. */
export class RotationUnderWay extends Error {
  constructor({ kid, signsFrom }: StoredSigningKey) {
    super(
      `the key ${kid} is published already and signs from ${new Date(signsFrom).toISOString()}: wait for it, or, where a key is in wrong hands, rotate with --immediately`,
    )
    this.name = 'RotationUnderWay'
  }
}

/** Who makes the first key. */
const server: Actor = { id: 'oauth-server', address: null }

/** The signing keys: made and rotated here, each change with its line in the audit trail. */
export class KeyRegistry {
  readonly #db: Database
  readonly #now: () => number
  readonly #changes: Changes

  constructor(db: Database, now: () => number) {
    this.#db = db
    this.#now = now
    this.#changes = new Changes(db, now)
  }

  /** Every key that is published, the oldest first. */
  async list(): Promise<ListedKey[]> {
    const keys = await new SigningKeyRepository(this.#db).list()
    return toListed(keys, this.#now())
  }

  /** Makes the first key, which signs at once, unless there is one. */
  async ensureFirst(algorithm: SigningAlgorithm, cipher: KeyCipher): Promise<void> {
    if ((await new SigningKeyRepository(this.#db).list()).length > 0) return
    const key = await makeKey(algorithm, cipher)
    await this.#changes.make(server, async ({ db, now, audit }) => {
      const first = { ...key, generation: 1, createdAt: now, signsFrom: now }
      if (await new SigningKeyRepository(db).insert(first))
        await audit({ action: 'key.created', target: `key:${key.kid}`, detail: { algorithm } })
    })
  }

  /**
   * Has a new key follow: published now, it signs once every verifier can know it. Of several that rotate at once one
   * wins, and the others hear of {@link RotationUnderWay}.
   */
  async rotate(rotation: Rotation, cipher: KeyCipher, actor: Actor): Promise<ListedKey> {
    const key = await makeKey(rotation.algorithm, cipher)
    return this.#changes.make(actor, async ({ db, now, audit }) => {
      const repository = new SigningKeyRepository(db)
      const newest = (await repository.list()).at(-1)
      if (newest !== undefined && newest.signsFrom > now && !rotation.immediately)
        throw new RotationUnderWay(newest)
      const isUrgent = rotation.immediately || newest === undefined
      const next: StoredSigningKey = {
        ...key,
        generation: (newest?.generation ?? 0) + 1,
        createdAt: now,
        signsFrom: isUrgent ? now : now + publishedAheadMs,
      }
      if (!(await repository.insert(next)))
        throw new RotationUnderWay((await repository.list()).at(-1) ?? next)
      const withdrawn = rotation.immediately ? await repository.deleteOlderThan(next.generation) : []
      await audit({
        action: 'key.rotated',
        target: `key:${key.kid}`,
        detail: { algorithm: key.algorithm, signsFrom: next.signsFrom, withdrawn },
      })
      const { kid, algorithm, createdAt, signsFrom } = next
      return { kid, algorithm, createdAt, signsFrom, state: isUrgent ? 'signing' : 'next' }
    })
  }
}

function toListed(keys: readonly StoredSigningKey[], now: number): ListedKey[] {
  const signing = keyInUse(keys, now)
  return keys.map(({ kid, algorithm, createdAt, signsFrom }) => {
    const state = kid === signing?.kid ? 'signing' : signsFrom > now ? 'next' : 'old'
    return { kid, algorithm, createdAt, signsFrom, state }
  })
}
