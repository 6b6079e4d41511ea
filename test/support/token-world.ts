import { hash } from 'node:crypto'
import fc from 'fast-check'
import type { Revocation } from '../../gateway/revocation.ts'
import type { StoreScript } from '../../gateway/shared-store.ts'
import { twinOf } from '../../gateway/tokens/signature-twin.ts'
import type { TokenMetadata } from '../../gateway/tokens/token-metadata.ts'
import { ScriptedBus, ScriptedStore, type ScriptRunner } from './scripted-store.ts'
import { createTokenNode, metadataOf, ScriptedProvider, type TokenNode } from './token-node.ts'

/** Something that happens in a fleet. */
export type TokenStep =
  | {
      readonly kind: 'request'
      readonly node: number
      readonly token: number
      /** Whether it comes with another signature, where the world's tokens are checked by that. */
      readonly isTwin?: boolean
    }
  | { readonly kind: 'prefetch'; readonly node: number; readonly token: number }
  | { readonly kind: 'answer'; readonly node: number; readonly which: number }
  | { readonly kind: 'announce'; readonly node: number; readonly what: number; readonly isRevoke: boolean }
  | { readonly kind: 'deliver'; readonly node: number; readonly most: number }
  | { readonly kind: 'link'; readonly node: number; readonly isUp: boolean; readonly isListening: boolean }
  | { readonly kind: 'hold'; readonly reads: boolean; readonly fills: boolean }
  | { readonly kind: 'wait'; readonly ms: number }

const node = fc.nat(2)
const token = fc.nat(3)
const isTwin = fc.boolean()

export const anyTokenStep: fc.Arbitrary<TokenStep> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('request'), node, token, isTwin }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prefetch'), node, token }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer'), node, which: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('announce'), node, what: fc.nat(7), isRevoke: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('deliver'), node, most: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('link'), node, isUp: fc.boolean(), isListening: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('hold'), reads: fc.boolean(), fills: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(45_000) }) },
) as fc.Arbitrary<TokenStep>

/** Tokens 0 and 1 are of one client, 2 is of another, 3 is a user's of a third. */
const owners = [
  { client: 'A', user: undefined },
  { client: 'A', user: undefined },
  { client: 'B', user: undefined },
  { client: 'C', user: 'u' },
] as const

/** Each token as it was issued, and its twin. */
const texts = owners.map((_owner, index) => {
  const signature = Buffer.alloc(64, index + 1)
  const parts = ['{"alg":"ES256"}', `token ${index}`, signature]
  const text = parts.map((part) => Buffer.from(part).toString('base64url')).join('.')
  return [text, twinOf(text) ?? ''] as const
})

const targets: readonly Revocation['target'][] = [
  ...([0, 1] as const).map((index) => ({ kind: 'token', token: textOf(index) }) as const),
  ...([2, 3] as const).map(
    (index) => ({ kind: 'token-hash', hash: hashOf(index), expiresAtMs: undefined }) as const,
  ),
  { kind: 'client', id: 'A' },
  { kind: 'client', id: 'B' },
  { kind: 'user', id: 'u' },
  { kind: 'all' },
]

const blindTtlMs = 30_000

/** Lets time pass for the answers in the Redis: it has a clock of its own. */
const ageAnswers: StoreScript = {
  name: 'age-answers',
  lua: `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':*:t:*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[2])
end
return 1`,
}

interface WorldNode extends TokenNode {
  readonly provider: ScriptedProvider
  readonly store: ScriptedStore | undefined
  /** The version of each token that was current at each announcement on its way here. */
  readonly arriving: (readonly number[])[]
  /** The version of each token below which nothing may be served. */
  readonly leastVersions: number[]
  /** The same of what the store told when messages were heard again; the store has to be there to be asked. */
  readonly caughtUpVersions: number[]
  /** Since when it hears nothing. */
  deafSinceMs: number | undefined
}

/**
 * What a provider says of a token has a version, which each revocation raises; from `revoked` on it is not valid. What a
 * token says that is checked by its signature stays the first version for ever, and only `revoke` raises it.
 */
interface TruthOfToken {
  version: number
  isRevoked: boolean
  changedAtMs: number
}

export interface TokenWorldOptions {
  readonly nodes: number
  /** Whether tokens are checked by their signatures, so that nobody but the gateway knows that one was revoked. */
  readonly isLocal?: boolean
  /** Runs scripts on a Redis, under this prefix; without it there is one process and no store. */
  readonly redis?: { readonly run: ScriptRunner; readonly prefix: string; readonly isPartitioned: boolean }
}

/** A fleet whose providers, messages, links and time are in the test's hand; it notes whatever is served wrongly. */
export class TokenWorld {
  readonly faults: string[] = []
  readonly #nodes: WorldNode[]
  readonly #redis: TokenWorldOptions['redis']
  readonly #isLocal: boolean
  readonly #truth: TruthOfToken[] = owners.map(() => ({ version: 1, isRevoked: false, changedAtMs: 0 }))
  readonly #heldReads: (() => void)[] = []
  readonly #heldFills: (() => void)[] = []
  readonly #pending = new Set<Promise<void>>()
  /** The least versions that are true after all that the store holds. */
  readonly #told = owners.map(() => 1)
  readonly #holding = { reads: false, fills: false }
  #running = 0
  #nowMs = Date.now()

  constructor({ nodes, redis, isLocal = false }: TokenWorldOptions) {
    this.#redis = redis
    this.#isLocal = isLocal
    const bus = new ScriptedBus()
    this.#nodes = Array.from({ length: nodes }, () => {
      const provider = new ScriptedProvider()
      const store = redis && new ScriptedStore(bus, (...call) => this.#run(redis.run, call), redis)
      const rest: { store?: ScriptedStore } = store === undefined ? {} : { store }
      const created = createTokenNode({
        provider,
        isLocal,
        clock: () => this.#nowMs,
        negativeTtlMs: 1_000,
        blindTtlMs,
        ...rest,
      })
      return {
        ...created,
        provider,
        store,
        arriving: [],
        leastVersions: owners.map(() => 1),
        caughtUpVersions: owners.map(() => 1),
        deafSinceMs: undefined,
      }
    })
  }

  async play(steps: readonly TokenStep[]): Promise<void> {
    await this.#settle()
    for (const step of steps) {
      await this.#do(step)
      await this.#settle()
    }
    await this.#answerAll()
    for (const node of this.#nodes) node.revocations.close()
    await Promise.all(this.#pending)
  }

  async #do(step: TokenStep): Promise<void> {
    if (step.kind === 'hold') this.#hold(step)
    else if (step.kind === 'wait') {
      // Providers answer in time or not at all, and messages are not under way for longer than a moment.
      await this.#answerAll()
      for (const node of this.#nodes) this.#deliver(node, Number.POSITIVE_INFINITY)
      await this.#redis?.run(ageAnswers, [], [this.#redis.prefix, step.ms])
      this.#nowMs += step.ms
    } else {
      const node = this.#nodes[step.node % this.#nodes.length] as WorldNode
      if (step.kind === 'request') this.#request(node, step)
      else if (step.kind === 'prefetch') node.resolver.prefetch(textOf(step.token))
      else if (step.kind === 'answer') this.#answer(node, step.which)
      else if (step.kind === 'announce') await this.#announce(node, step)
      else if (step.kind === 'deliver') this.#deliver(node, step.most)
      else if (step.kind === 'link') await this.#link(node, step)
      else step satisfies never
    }
  }

  #request(node: WorldNode, { token, isTwin = false }: Extract<TokenStep, { kind: 'request' }>): void {
    const served = (async () => {
      try {
        const metadata = await node.resolver.resolve(textOf(token, isTwin && this.#isLocal), '')
        this.#check(node, token, metadata)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error))
          this.faults.push(`an error without a code: ${error}`)
      }
    })()
    this.#pending.add(served)
    void served.finally(() => this.#pending.delete(served))
  }

  #check(node: WorldNode, token: number, { roles }: TokenMetadata): void {
    const version = Number(roles[0]?.slice(1))
    const caughtUp = node.memory.marks.isBlind ? 0 : (node.caughtUpVersions[token] ?? 0)
    const least = Math.max(node.leastVersions[token] ?? 0, caughtUp)
    const truth = this.#truth[token] as TruthOfToken
    if (version < least) this.faults.push(`token ${token} of version ${version} after ${least} was heard`)
    // While nobody can be asked a signature is as good as ever.
    if (this.#isLocal) return
    const isChangeUnheard = node.deafSinceMs !== undefined && truth.changedAtMs >= node.deafSinceMs
    if (isChangeUnheard && version < truth.version && this.#nowMs >= truth.changedAtMs + blindTtlMs)
      this.faults.push(`token ${token} of version ${version} beyond the blind bound`)
  }

  /** The provider says what was true when it was asked. */
  #answer(node: WorldNode, which: number): void {
    const { asked } = node.provider
    const [question] = asked.length === 0 ? [] : asked.splice(which % asked.length, 1)
    question?.answer(this.#answers.get(question))
  }

  readonly #answers = new WeakMap<object, TokenMetadata | undefined>()
  readonly #noted = new WeakSet<object>()

  /** Notes what is true for all questions that have just been asked. */
  #noteQuestions(): void {
    for (const { provider } of this.#nodes)
      for (const question of provider.asked) {
        if (this.#noted.has(question)) continue
        this.#noted.add(question)
        this.#answers.set(question, this.#truthOf(indexOf(question.token)))
      }
  }

  #truthOf(token: number): TokenMetadata | undefined {
    const { version, isRevoked } = this.#truth[token] as TruthOfToken
    const { client, user } = owners[token as 0]
    if (this.#isLocal) return metadataOf(client, { sub: user, roles: ['V1'] })
    return isRevoked ? undefined : metadataOf(client, { sub: user, roles: [`V${version}`] })
  }

  async #announce(node: WorldNode, { what, isRevoke }: { what: number; isRevoke: boolean }): Promise<void> {
    const target = targets[what] as Revocation['target']
    // What a token says itself is the same when it is asked for again.
    const isChange = isRevoke || !this.#isLocal
    const hits = owners.map((owner, index) => isChange && isNamed(target, index, owner))
    for (const [index, truth] of this.#truth.entries()) {
      if (!hits[index]) continue
      truth.version += 1
      truth.changedAtMs = this.#nowMs
      if (isRevoke) truth.isRevoked = true
    }
    // 0 for what is not named.
    const versions = this.#truth.map(({ version }, index) => (hits[index] ? version : 0))
    const effect = isRevoke ? 'revoke' : 'refresh'
    let isTold = true
    const announced = node.revocations.announce({ target, effect }).catch(() => {
      isTold = false
    })
    await this.#settle()
    await announced
    raise(node.leastVersions, versions)
    if (!isTold) return
    raise(this.#told, versions)
    for (const other of this.#nodes) if (other.store?.isListening) other.arriving.push(versions)
  }

  #deliver(node: WorldNode, most: number): void {
    node.store?.deliver(most)
    for (const versions of node.arriving.splice(0, most)) raise(node.leastVersions, versions)
  }

  async #link(node: WorldNode, link: { isUp: boolean; isListening: boolean }): Promise<void> {
    if (node.store === undefined) return
    const state = { isUp: link.isUp, isListening: link.isListening && link.isUp }
    if (!state.isListening) node.arriving.length = 0
    node.deafSinceMs = state.isListening ? undefined : (node.deafSinceMs ?? this.#nowMs)
    const wasBlind = node.memory.marks.isBlind
    node.store.setLink(state)
    await this.#settle()
    // Once it has caught up it knows all that any process has told the store.
    if (wasBlind && !node.memory.marks.isBlind) raise(node.caughtUpVersions, this.#told)
  }

  async #answerAll(): Promise<void> {
    this.#hold({ reads: false, fills: false })
    await this.#settle()
    while (this.#nodes.some(({ provider }) => provider.asked.length > 0)) {
      for (const node of this.#nodes) while (node.provider.asked.length > 0) this.#answer(node, 0)
      await this.#settle()
    }
  }

  /** Runs a script on the Redis. While answers are held up they have not arrived there; while replies are, not here. */
  async #run(run: ScriptRunner, call: Parameters<ScriptRunner>): Promise<unknown> {
    if (call[0].name === 'fill-token' && this.#holding.fills) await this.#release(this.#heldFills)
    this.#running += 1
    const reply = await run(...call).finally(() => {
      this.#running -= 1
    })
    if (call[0].name === 'read-tokens' && this.#holding.reads) await this.#release(this.#heldReads)
    return reply
  }

  #release(held: (() => void)[]): Promise<void> {
    return new Promise((release) => {
      held.push(release)
    })
  }

  #hold({ reads, fills }: { reads: boolean; fills: boolean }): void {
    Object.assign(this.#holding, { reads, fills })
    if (!reads) for (const release of this.#heldReads.splice(0)) release()
    if (!fills) for (const release of this.#heldFills.splice(0)) release()
  }

  /** Waits until nothing moves any more by itself. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet += 1) {
      await new Promise(setImmediate)
      this.#noteQuestions()
      if (this.#running > 0) quiet = 0
    }
  }
}

function raise(least: number[], versions: readonly number[]): void {
  for (const [index, version] of versions.entries()) least[index] = Math.max(least[index] ?? 0, version)
}

function textOf(index: number, isTwin = false): string {
  return texts[index]?.[isTwin ? 1 : 0] ?? ''
}

function indexOf(text: string): number {
  return texts.findIndex((forms) => forms.includes(text))
}

function hashOf(index: number): string {
  return hash('sha256', textOf(index))
}

/** Whether a revocation is about the token of this number, which belongs to this client and user. */
function isNamed(
  target: Revocation['target'],
  index: number,
  { client, user }: { readonly client: string; readonly user: string | undefined },
): boolean {
  switch (target.kind) {
    case 'token':
      return target.token === textOf(index)
    case 'token-hash':
      return target.hash === hashOf(index)
    case 'all':
      return true
    default:
      return target.id === (target.kind === 'client' ? client : user)
  }
}
