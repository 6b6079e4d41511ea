import { durationInMs, durationRule, parseDuration } from '../common/duration.ts'

/** Reads a number of requests; `whose` is for the message, such as `the client's`. */
export function readRateLimit(text: string, whose: string): number {
  if (!/^\d{1,12}$/.test(text))
    throw new Error(`${whose} rate limit "${text}" must be a whole number of requests, of at most 12 digits`)
  return Number(text)
}

/** Reads a duration into seconds; `what` is for the message, such as `the client's window`. */
export function readSeconds(text: string, what: string): number {
  if (parseDuration(text) === undefined) throw new Error(`${what} "${text}" ${durationRule}`)
  return durationInMs(text) / 1_000
}
