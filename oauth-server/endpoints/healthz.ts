import type { Endpoint } from './exchange.ts'

/** `GET /healthz`: whether this server can do its work, which takes its database. */
export const healthz: Endpoint = async (_request, services) => {
  await services.checkStore()
  return { status: 'ok' }
}
