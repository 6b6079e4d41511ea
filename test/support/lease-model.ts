import type {
  LeaseAnswer,
  LeaseCall,
  LeaseGrant,
  RateGrant,
  RateRequest,
  WindowGrant,
  WindowRequest,
} from '../../gateway/throttle/lease-store.ts'
import { patienceMs } from '../../gateway/throttle/lease-store.ts'

/** A row of a window: what one process was granted and has not given back, and so on, as `lease-script.ts` names them. */
interface Row {
  G: number
  U: number
  X: number
  Q: number
}

interface Window {
  s: number
  e: number
  g: number
  o: number
  rc: number
  rows: Map<string, Row>
}

interface Epoch {
  id: string
  run: number
  at: number
  learn: number
  isOpen: boolean
  awaited: Set<string>
  stated: Set<string>
}

/** The lease script once more, in a language that a test can look into: what it keeps, and by whose clock. */
export class LeaseModel {
  /** The server's clock, in microseconds. */
  nowUs = 1_800_000_000_000_000
  /** Changes when the server starts again. */
  run = 1
  readonly epochs = new Map<string, Epoch>()
  readonly windows = new Map<string, Window>()
  readonly rates = new Map<string, { arrivalUs: number; atUs: number }>()

  get nowMs(): number {
    return Math.floor(this.nowUs / 1_000)
  }

  /** Loses everything, as FLUSHALL does. */
  flush(): void {
    this.epochs.clear()
    this.windows.clear()
    this.rates.clear()
  }

  /** What there is now, to be gone back to. */
  snapshot(): () => void {
    const { epochs, windows, rates } = structuredClone({
      epochs: this.epochs,
      windows: this.windows,
      rates: this.rates,
    })
    return () => {
      this.flush()
      for (const [bucket, epoch] of structuredClone(epochs)) this.epochs.set(bucket, epoch)
      for (const [id, window] of structuredClone(windows)) this.windows.set(id, window)
      for (const [id, rate] of structuredClone(rates)) this.rates.set(id, rate)
    }
  }

  apply(processId: string, call: LeaseCall): LeaseAnswer {
    const { epoch, isNewEpoch } = this.#epochOf(processId, call)
    const context = { me: processId, seq: call.sequence, isOpen: epoch.isOpen }
    const looks = call.requests.map((request) =>
      request.kind === 'rate' ? this.#room(request, context.isOpen) : this.#look(request, context),
    )
    const isBlocked = looks.some(({ lacks, request }) => lacks && !request.isShadow)
    const grants = looks.map(
      (look): LeaseGrant =>
        look.kind === 'rate' ? this.#rate(look, isBlocked) : this.#window(look, context, isBlocked),
    )
    return { nowMs: this.nowMs, epoch: epoch.id, isNewEpoch, isOpen: epoch.isOpen, grants }
  }

  #epochOf(me: string, call: LeaseCall): { epoch: Epoch; isNewEpoch: boolean } {
    const known = this.epochs.get(call.bucket)
    const isNewEpoch = known === undefined || known.run !== this.run
    const epoch: Epoch = isNewEpoch
      ? {
          ...{ id: `${me}.${call.sequence}`, run: this.run, at: this.nowMs, learn: call.learnMs },
          ...{ isOpen: false, awaited: new Set(), stated: new Set() },
        }
      : known
    this.epochs.set(call.bucket, epoch)
    if (epoch.isOpen) return { epoch, isNewEpoch }
    epoch.at = Math.min(epoch.at, this.nowMs)
    for (const peer of [...call.peers, me]) if (!epoch.stated.has(peer)) epoch.awaited.add(peer)
    if (call.statedEpoch === epoch.id) {
      epoch.awaited.delete(me)
      epoch.stated.add(me)
    }
    const hasLearnt = this.nowMs >= epoch.at + epoch.learn
    epoch.isOpen = hasLearnt && (epoch.awaited.size === 0 || this.nowMs >= epoch.at + patienceMs)
    return { epoch, isNewEpoch }
  }

  #look(request: WindowRequest, context: Context): WindowLook {
    const now = this.nowMs
    const { limit, windowMs, want, need, least, startMs, endMs, claim } = request
    const stored = this.windows.get(request.id)
    const isLive = stored !== undefined && stored.e > now
    const isKnown = endMs > now && claim >= 0
    let window: Window = { s: now, e: now + windowMs, g: 0, o: 0, rc: 0, rows: new Map() }
    if (isLive) window = { ...stored, rows: new Map(stored.rows) }
    else if (isKnown) window = { ...window, s: startMs, e: endMs }
    const old = window.rows.get(context.me)
    const row = { ...(old ?? { G: 0, U: 0, X: 0, Q: 0 }) }
    const look: WindowLook = {
      ...{
        kind: 'window',
        request,
        window,
        row,
        isNew: old === undefined,
        before: isLive ? stored.g : 0,
        grant: 0,
        lacks: false,
      },
      ...{ continues: 'no', begins: !isLive && !isKnown, isLate: isLive && context.seq <= row.Q },
    }
    if (look.isLate) return look
    let [used, delta, isAfterLoss] = [request.used, 0, request.isAfterLoss]
    if (isLive && endMs === window.e && claim >= 0) [look.continues, delta] = ['yes', claim - row.G]
    else if (isKnown) {
      ;[look.continues, delta, isAfterLoss] = ['yes', Math.max(0, claim - row.G), true]
      window.s = Math.min(window.s, startMs)
      window.e = Math.max(window.e, endMs)
    } else if (isLive && claim < 0) [look.continues, used] = ['forgotten', row.G]
    else delta = -row.G
    window.e = Math.min(window.e, now + windowMs)
    const owned = Math.max(0, Math.min(window.o, delta))
    window.o -= owned
    window.g += delta - owned
    row.G += delta
    row.U = look.continues === 'no' ? 0 : Math.min(used, row.G)
    if (isAfterLoss && request.total > window.g) {
      window.o += request.total - window.g
      window.g = request.total
    }
    const sharers = window.rows.size + (look.isNew ? 1 : 0)
    const [left, hand] = [limit - window.g, row.G - row.U]
    const lacking = Math.max(0, need - hand)
    if (!context.isOpen || want === 0 || (look.begins && need === 0)) return look
    if (left < Math.max(1, least - hand)) return { ...look, lacks: lacking > 0 }
    const share = Math.min(Math.floor(left / (2 * sharers)), Math.floor(limit / (10 * sharers)))
    return { ...look, grant: Math.min(left, Math.max(lacking, Math.min(want - hand, share), 0)) }
  }

  #window(look: WindowLook, { me, seq }: Context, isBlocked: boolean): WindowGrant {
    const { request, window, row, continues } = look
    const now = this.nowMs
    if (look.isLate) return { ...noGrant(0, 0), startMs: -1 }
    const granted = isBlocked && look.grant > 0 ? -1 : look.grant
    if (look.begins && granted <= 0) return noGrant(granted, request.limit)
    let heldForMs = 0
    if (look.lacks && !look.begins)
      for (const [id, { G, U, X }] of window.rows)
        if (id !== me && G > U) heldForMs = Math.max(heldForMs, X - now)
    const tidings: WindowGrant['tidings'][number][] = []
    if (heldForMs > 0 && (now - window.rc > 100 || window.rc > now)) {
      window.rc = now
      tidings.push('recall')
    }
    row.G += Math.max(0, granted)
    window.g += Math.max(0, granted)
    if (window.g < look.before && window.rc > 0 && now - window.rc < 60_000) tidings.push('room')
    row.X = row.G > row.U ? Math.min(window.e, now + request.ttlMs) : 0
    row.Q = seq
    if (!look.isNew || row.G > 0) window.rows.set(me, row)
    this.windows.set(request.id, window)
    return {
      ...{ kind: 'window', continues, startMs: window.s, endMs: window.e, granted, claim: row.G },
      ...{ left: request.limit - window.g, heldForMs, tidings },
    }
  }

  #room(request: RateRequest, isOpen: boolean): RateLook {
    const { burst, intervalUs, want, need, least, leaseUs } = request
    const full = this.nowUs + burst * intervalUs
    const stored = this.rates.get(request.id) ?? { arrivalUs: 0, atUs: 0 }
    const arrival = Math.max(
      this.nowUs,
      stored.arrivalUs - Math.max(0, stored.atUs - this.nowUs),
      request.arrivalUs - Math.max(0, request.heardUs - this.nowUs),
    )
    const look: RateLook = {
      kind: 'rate',
      request,
      arrival,
      grant: 0,
      base: arrival,
      within: 0,
      lacks: false,
    }
    if (!isOpen || need === 0) return look
    const base = Math.max(arrival, this.nowUs + leaseUs)
    const ahead = Math.min(want, Math.floor((full - base) / intervalUs + 1e-6))
    if (leaseUs > 0 && ahead >= Math.max(least, need)) return { ...look, grant: ahead, base, within: leaseUs }
    const fits = Math.min(Math.max(need, least), Math.floor((full - arrival) / intervalUs + 1e-6))
    return fits >= least ? { ...look, grant: fits } : { ...look, lacks: true }
  }

  #rate({ request, arrival, grant, base, within }: RateLook, isBlocked: boolean): RateGrant {
    const granted = isBlocked && grant > 0 ? -1 : grant
    const arrivalUs = Math.ceil(granted > 0 ? base + granted * request.intervalUs : arrival)
    if (arrivalUs > this.nowUs) this.rates.set(request.id, { arrivalUs, atUs: this.nowUs })
    return { kind: 'rate', granted, arrivalUs, leaseUs: within, nowUs: this.nowUs }
  }
}

interface Context {
  readonly me: string
  readonly seq: number
  readonly isOpen: boolean
}

interface WindowLook {
  readonly kind: 'window'
  readonly request: WindowRequest
  readonly window: Window
  readonly row: Row
  readonly isNew: boolean
  /** All that was granted before the call. */
  readonly before: number
  readonly begins: boolean
  readonly isLate: boolean
  readonly lacks: boolean
  readonly grant: number
  continues: WindowGrant['continues']
}

interface RateLook {
  readonly kind: 'rate'
  readonly request: RateRequest
  readonly arrival: number
  readonly grant: number
  readonly base: number
  readonly within: number
  readonly lacks: boolean
}

/** Of a window that is not running, and was not begun. */
function noGrant(granted: number, left: number): WindowGrant {
  return {
    ...{ kind: 'window', continues: 'no', startMs: 0, endMs: 0, granted, claim: 0, left },
    ...{ heldForMs: 0, tidings: [] },
  }
}
