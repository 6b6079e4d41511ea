import { longestPrefix } from '../../common/path-prefix.ts'
import { RouteCharges } from '../charge.ts'
import type { RouteSettings } from '../config/settings.ts'
import type { Backend } from './backend.ts'
import type { EndpointWatch } from './endpoint-watch.ts'

/** An API behind the gateway, ready to be matched. */
export interface Route<Tokens = unknown> extends Omit<RouteSettings, 'to' | 'identity'> {
  /** Who says what its tokens mean: this table only hands it on. */
  readonly tokens: Tokens
  readonly backend: Backend
  /** What its requests count as. */
  readonly charges: RouteCharges
  /** Who looks on at which of its paths; `undefined` for all but a few routes. */
  readonly watches: ReadonlyMap<string, EndpointWatch> | undefined
}

/** What the routes are made with. */
interface RouteServices<Tokens> {
  backendOf(url: string): Backend
  /** Who says what the tokens of an identity provider mean. */
  tokensOf(identity: string): Tokens
  /** Who looks on at which paths. */
  readonly watches?: ReadonlyMap<string, EndpointWatch>
}

/** Finds the route of a path: the longest prefix that ends at a segment's end. The cost grows with no number of routes. */
export class RouteTable<Tokens = unknown> {
  readonly #routes = new Map<string, Route<Tokens>>()
  readonly #root: Route<Tokens> | undefined
  readonly #maxSegments: number

  constructor(routes: readonly RouteSettings[], services: RouteServices<Tokens>) {
    const prefixes = routes.map(({ prefix }) => prefix)
    const watchesByPrefix = Map.groupBy(services.watches ?? [], ([path]) => longestPrefix(path, prefixes))
    for (const settings of routes) {
      const { to, identity, ...rest } = settings
      const watched = watchesByPrefix.get(settings.prefix)
      this.#routes.set(settings.prefix, {
        ...rest,
        backend: services.backendOf(to),
        tokens: services.tokensOf(identity),
        charges: new RouteCharges(settings),
        watches: watched && new Map(watched),
      })
    }
    this.#root = this.#routes.get('/')
    this.#maxSegments = Math.max(0, ...routes.map((route) => route.prefix.split('/').length - 1))
  }

  /** The route that serves this path; `undefined` when none does. */
  find(path: string): Route<Tokens> | undefined {
    let found = this.#root
    let end = 0
    for (let segment = 0; segment < this.#maxSegments && end < path.length; segment += 1) {
      const next = path.indexOf('/', end + 1)
      end = next === -1 ? path.length : next
      found = this.#routes.get(path.slice(0, end)) ?? found
    }
    return found
  }
}
