import { countedNetwork } from '../common/client-address.ts'
import { defaultProvider, type FailurePolicy, type RouteLimit } from './config/settings.ts'
import { type LimitOwner, type LimitPolicy, limitPolicy } from './limit-policy.ts'

/** What one request counts as, and against what. Made once for a token and a route, and shared by all their requests. */
export interface Charge {
  /** At least one, each of a name of its own; the client's own quota, if it has one, first. */
  readonly policies: readonly LimitPolicy[]
  /** How many requests it counts as; at least 1. */
  readonly cost: number
  readonly whenStoreFails: FailurePolicy
}

/** Who is counted: what a token says of its client and user. */
export interface CountedIdentity {
  readonly client: string
  readonly user: string | undefined
  /** The client's own quota, which all its tokens and all routes share; an object that no other client has. */
  readonly ownPolicy: LimitPolicy | undefined
}

interface CountingRoute {
  readonly prefix: string
  /** Name of the identity provider of its tokens. */
  readonly identity: string
  readonly limits: readonly RouteLimit[]
  readonly cost: number
  readonly whenStoreFails: FailurePolicy
}

/** Most clients without a quota of their own, and most addresses, whose charges a route keeps; beyond it, it begins anew. */
const maxClients = 20_000
const maxAddresses = 10_000

/** What requests on one route count as. */
export class RouteCharges {
  readonly #route: CountingRoute
  readonly #finest: RouteLimit['by']
  readonly #byOwnPolicy = new WeakMap<LimitPolicy, Charge>()
  readonly #byClient = new Map<string, Charge>()
  readonly #byIdentity = new WeakMap<CountedIdentity, { charge: Charge | undefined }>()
  readonly #byAddress = new Map<string, Charge | undefined>()

  constructor(route: CountingRoute) {
    this.#route = route
    this.#finest = finestOf(route.limits)
  }

  /** What a caller's requests count as; `undefined` when nothing counts them. */
  of(identity: CountedIdentity, address: string): Charge | undefined {
    if (this.#finest === 'client') return this.#ofClient(identity)
    // What counts by address cannot be kept with the token, which may come from many.
    if (this.#finest === 'address') return this.#compose(identity, address)
    const known = this.#byIdentity.get(identity)
    if (known !== undefined) return known.charge
    const charge = this.#compose(identity, address)
    this.#byIdentity.set(identity, { charge })
    return charge
  }

  /**
   * One charge for all tokens of a client: one for each token would take more memory than the tokens do. While its quota
   * changes a client has two, of old tokens and of new.
   */
  #ofClient(identity: CountedIdentity): Charge | undefined {
    const { client, ownPolicy } = identity
    const known = ownPolicy === undefined ? this.#byClient.get(client) : this.#byOwnPolicy.get(ownPolicy)
    if (known !== undefined) return known
    const charge = this.#compose(identity, '')
    if (charge === undefined) return undefined
    if (ownPolicy !== undefined) this.#byOwnPolicy.set(ownPolicy, charge)
    else {
      if (this.#byClient.size >= maxClients) this.#byClient.clear()
      this.#byClient.set(client, charge)
    }
    return charge
  }

  /** What the requests of somebody unknown count as, on an open route. */
  ofAddress(address: string): Charge | undefined {
    const known = this.#byAddress.get(address)
    if (known !== undefined || this.#route.limits.length === 0) return known
    const charge = this.#compose(undefined, address)
    if (this.#byAddress.size >= maxAddresses) this.#byAddress.clear()
    this.#byAddress.set(address, charge)
    return charge
  }

  #compose(identity: CountedIdentity | undefined, address: string): Charge | undefined {
    const { prefix, limits, cost, whenStoreFails, identity: provider } = this.#route
    const own = identity?.ownPolicy
    const policies = own === undefined ? [] : [policyAt(provider, own)]
    for (const [index, { rule, by, isStandIn, isShadow }] of limits.entries()) {
      if (isStandIn && own !== undefined) continue
      // No prefix holds a number sign, so that no two policies of one request share a name.
      const name = index === 0 ? prefix : `${prefix}#${index + 1}`
      const policy = limitPolicy(ownerOf(by, identity, address), rule, { name, isShadow })
      policies.push(by === 'address' ? policy : policyAt(provider, policy))
    }
    return policies.length === 0 ? undefined : { policies, cost, whenStoreFails }
  }
}

/**
 * A policy of a client or user whom a provider of that name knows. Two providers may call different clients by one name;
 * the default provider's have none before theirs.
 */
function policyAt(provider: string, policy: LimitPolicy): LimitPolicy {
  if (provider === defaultProvider) return policy
  const { subject, owner } = policy
  return { ...policy, subject: `at ${provider} ${subject}`, owner: `at ${provider} ${owner}` }
}

/** Whose requests the limits tell apart the most: an address's, a user's, or no more than a client's. */
function finestOf(limits: readonly RouteLimit[]): RouteLimit['by'] {
  if (limits.some(({ by }) => by === 'address')) return 'address'
  return limits.some(({ by }) => by === 'user') ? 'user' : 'client'
}

/** Who is counted; the users of one provider's tokens and their clients have names of their own kind. */
function ownerOf(by: RouteLimit['by'], identity: CountedIdentity | undefined, address: string): LimitOwner {
  if (identity === undefined || by === 'address') return { kind: 'address', id: countedNetwork(address) }
  if (by === 'user' && identity.user !== undefined) return { kind: 'user', id: identity.user }
  return { kind: 'client', id: identity.client }
}
