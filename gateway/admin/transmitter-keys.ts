import type { Clock } from '../clock.ts'
import type { EventTransmitter } from '../config/settings.ts'
import type { ProviderConnection } from '../tokens/identity-provider.ts'
import { KeySet } from '../tokens/key-set.ts'

/** Signature algorithms that only the transmitter can sign with: none of them is `none` or symmetric. */
export const eventAlgorithms: readonly string[] = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** As long as an identity provider’s by default. A transmitter that is down signs nothing new. */
const times = { keysMaxAgeMs: 600_000, keysMaxStaleMs: 86_400_000 }

interface TransmitterKeysContext {
  readonly connection: ProviderConnection
  readonly clock: Clock
  /** Hears why the keys cannot be had. */
  readonly onKeysFailed: (error: unknown) => void
}

/** The published keys of a transmitter, with the bounds of every key set: one fetch under way, and not again at once. */
export function transmitterKeys({ connection, clock, onKeysFailed }: TransmitterKeysContext) {
  const listener = { keysFetched: () => undefined, keysFailed: onKeysFailed }
  return ({ issuer, jwks }: EventTransmitter): KeySet =>
    new KeySet({ issuer, jwks, algorithms: eventAlgorithms, ...times }, { connection, clock, listener })
}
