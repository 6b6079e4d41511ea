import { RouteCharges } from '../charge.ts'
import type { RouteSettings } from '../config/settings.ts'
import type { Backend } from './backend.ts'

/** An API behind the gateway, ready to be matched. */
export interface Route extends Omit<RouteSettings, 'to'> {
  readonly backend: Backend
  /** What its requests count as. */
  readonly charges: RouteCharges
}

/** Finds the route of a path: the longest prefix that ends at a segment's end. The cost grows with no number of routes. */
export class RouteTable {
  readonly #routes = new Map<string, Route>()
  readonly #root: Route | undefined
  readonly #maxSegments: number

  constructor(routes: readonly RouteSettings[], backendOf: (url: string) => Backend) {
    for (const settings of routes) {
      const { to, ...rest } = settings
      this.#routes.set(settings.prefix, {
        ...rest,
        backend: backendOf(to),
        charges: new RouteCharges(settings),
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
