import { formatQuota, isQuota, type Quota, quotaRule } from '../../common/quota.ts'
import { isRole, roleRule } from '../../common/role.ts'
import { isScopeToken, scopeTokenRule } from '../../common/scope-token.ts'
import { hashCredential, mintCredential, type RandomSource, randomSuffix } from '../credentials.ts'
import { type Client, ClientRepository, type GrantType } from '../store/client-repository.ts'
import type { Database } from '../store/tables.ts'

/** What is asked of a new client. */
export interface NewClient {
  readonly name: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly quota: Quota
  readonly grantTypes: readonly GrantType[]
}

/** A client that was just made. */
export interface CreatedClient {
  readonly client: Client
  /** Nobody can ever read it again: only its hash is stored. */
  readonly secret: string
}

/** Something about a client breaks a rule; the message is one line that names the thing, its value and the rule. */
export class ClientRuleBroken extends Error {
  constructor(what: string, value: string, rule: string) {
    super(`the client's ${what} ${JSON.stringify(value)} ${rule}`)
    this.name = 'ClientRuleBroken'
  }
}

/** No client has this id. */
export class ClientNotFound extends Error {
  constructor(id: string) {
    super(`there is no client ${JSON.stringify(id)}`)
    this.name = 'ClientNotFound'
  }
}

/** Where the registry gets its time and randomness. */
export interface RegistrySources {
  readonly now: () => number
  readonly random: RandomSource
}

const maxListLength = 50

/** The clients that may have tokens: made here, listed, shown. */
export class ClientRegistry {
  readonly #clients: ClientRepository
  readonly #sources: RegistrySources

  constructor(db: Database, sources: RegistrySources) {
    this.#clients = new ClientRepository(db)
    this.#sources = sources
  }

  /** Makes a client with a new id and secret. Throws {@link ClientRuleBroken}. */
  async create(wanted: NewClient): Promise<CreatedClient> {
    checkNewClient(wanted)
    const { now, random } = this.#sources
    const secret = mintCredential('psk', random)
    const client: Client = {
      id: `${slugOf(wanted.name)}-${randomSuffix(random)}`,
      name: wanted.name,
      roles: sortedOnce(wanted.roles),
      scopes: sortedOnce(wanted.scopes),
      quota: wanted.quota,
      grantTypes: wanted.grantTypes,
      createdAt: now(),
      disabledAt: null,
    }
    await this.#clients.insert(client, hashCredential(secret))
    return { client, secret }
  }

  /** Every client, oldest first. */
  list(): Promise<Client[]> {
    return this.#clients.list()
  }

  /** One client. Throws {@link ClientNotFound}. */
  async show(id: string): Promise<Client> {
    const client = await this.#clients.find(id)
    if (client === undefined) throw new ClientNotFound(id)
    return client
  }
}

function checkNewClient(wanted: NewClient): void {
  if (!/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(wanted.name) || wanted.name.trim() === '')
    throw new ClientRuleBroken('name', wanted.name, 'must be 1 to 100 printable characters')
  checkList('role', wanted.roles, roles)
  checkList('scope', wanted.scopes, scopeTokens)
  if (wanted.scopes.length === 0) throw new ClientRuleBroken('scopes', '', 'must be at least one')
  const { limit, windowMs } = wanted.quota
  // The wire gives the window in seconds.
  if (!isQuota(limit, windowMs) || windowMs % 1_000 !== 0)
    throw new ClientRuleBroken('quota', formatQuota(wanted.quota), `${quotaRule}, in whole seconds`)
}

/** A kind of list item: whether a text is one, and the rule for an error text. */
interface ItemRule {
  readonly accepts: (text: string) => boolean
  readonly rule: string
}

const roles: ItemRule = { accepts: isRole, rule: roleRule }

const scopeTokens: ItemRule = { accepts: isScopeToken, rule: scopeTokenRule }

function checkList(what: string, items: readonly string[], { accepts, rule }: ItemRule): void {
  if (items.length > maxListLength)
    throw new ClientRuleBroken(`${what}s`, `${items.length} of them`, `must be at most ${maxListLength}`)
  const wrong = items.find((item) => !accepts(item))
  if (wrong !== undefined) throw new ClientRuleBroken(what, wrong, rule)
}

function sortedOnce(items: readonly string[]): string[] {
  return [...new Set(items)].sort()
}

/** The name's readable part of a client id: lower-case ASCII letters, digits and single hyphens. */
function slugOf(name: string): string {
  const ascii = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const slug = ascii
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-|-$/g, '')
  return slug === '' ? 'client' : slug
}
