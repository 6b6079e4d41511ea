/** How every load of these measurements is put on: many short rounds stand a shared machine better than few long ones. */
export const plan = { rounds: 6, seconds: 2, connections: 64 } as const
