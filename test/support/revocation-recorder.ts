import type { Revocation, Revocations } from '../../gateway/revocation.ts'
import { RevocationIntake, type RevocationReport } from '../../gateway/revocation-intake.ts'
import { StoreUnavailable } from '../../gateway/shared-store.ts'

/** Remembers what is announced, in place of the caches that would heed it. */
export interface RevocationRecorder extends Revocations {
  readonly announced: Revocation[]
  readonly reports: RevocationReport[]
  readonly intake: RevocationIntake
  /** Whether the store is gone: then only this process would heed what is announced. */
  isDown: boolean
  /** What an announcement waits for. */
  until: Promise<unknown>
}

export function recordRevocations(): RevocationRecorder {
  const announced: Revocation[] = []
  const reports: RevocationReport[] = []
  const recorder: RevocationRecorder = {
    announced,
    reports,
    isDown: false,
    until: Promise.resolve(),
    async announce(revocation) {
      announced.push(revocation)
      await recorder.until
      if (recorder.isDown) throw new StoreUnavailable('the store is gone')
    },
    get intake() {
      return intake
    },
  }
  const intake = new RevocationIntake(recorder, (report) => reports.push(report))
  return recorder
}
