import { longestPrefix } from '../../common/path-prefix.ts'
import { RouteCharges } from '../charge.ts'
import type { RouteSettings } from '../config/settings.ts'
import type { Backend } from './backend.ts'
import type { EndpointWatch } from './endpoint-watch.ts'

/** An API behind the gateway, ready to be matched. */
export interface Route extends Omit<RouteSettings, 'to'> {
  readonly backend: Backend
  /** What its requests count as. */
  readonly charges: RouteCharges
  /** Who looks on at which of its paths; `undefined` for all but a few routes. */
  readonly watches: ReadonlyMap<string, EndpointWatch> | undefined
}

/** Finds the route of a path: the longest prefix that ends at a segment's end. The cost grows with no number of routes. */
export class RouteTable {
  readonly #routes = new Map<string, Route>()
  readonly #root: Route | undefined
  readonly #maxSegments: number

  /** @param watches Who looks on at which paths. */
  constructor(
    routes: readonly RouteSettings[],
    backendOf: (url: string) => Backend,
    watches: ReadonlyMap<string, EndpointWatch> = new Map(),
  ) {
    const prefixes = routes.map(({ prefix }) => prefix)
    const watchesByPrefix = Map.groupBy(watches, ([path]) => longestPrefix(path, prefixes))
    for (const settings of routes) {
      const { to, ...rest } = settings
      const watched = watchesByPrefix.get(settings.prefix)
      this.#routes.set(settings.prefix, {
        ...rest,
        backend: backendOf(to),
        charges: new RouteCharges(settings),
        watches: watched && new Map(watched),
      })
    }
    this.#root = this.#routes.get('/')
    this.#maxSegments = Math.max(0, ...routes.map((route) => route.prefix.split('/').length - 1))
  }

  /** The route that serves this path; `undefined` when none does. */
  find(path: string): Route | undefined {
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
