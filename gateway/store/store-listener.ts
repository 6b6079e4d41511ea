/** How a command ended: answered; its script failed; no answer; not sent, because the store is down. */
export type CommandOutcome = 'answered' | 'script-failed' | 'unavailable' | 'refused'

/** What a store tells of itself, for metrics and the log. */
export interface StoreListener {
  /** A script has run or has not; publishing counts as `publish`. */
  commandDone(script: string, outcome: CommandOutcome): void
  /** A server does not serve, seen again at each probe; `undefined` when it does again. Its name is empty if there is one. */
  serverState(server: string, fault: string | undefined): void
  /** Messages cannot be heard, seen again at each attempt; `undefined` when they are heard again. */
  listeningState(fault: string | undefined): void
  /** Whoever listened to a topic or to changes has thrown. */
  listenerFailed(error: unknown): void
}
