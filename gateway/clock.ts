/** The current time, in milliseconds since the epoch. Passed in wherever time decides, so that tests can set it. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
