import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a condition holds. Rejects with what was waited for when it does not come about. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1_500; attempt += 1) {
    if (await condition()) return
    await sleep(20)
  }
  throw new Error(`it never came about that ${what}`)
}
