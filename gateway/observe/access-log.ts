import type { Logger } from '../../common/log.ts'
import type { Exchange } from '../exchange.ts'

/**
 * Writes the line of one finished request. It names what the gateway itself knows: no query, no header, no token ever
 * gets here, and the path only once it is well-formed.
 */
export function logAccess(log: Logger, exchange: Exchange): void {
  if (!log.isLevelEnabled('info')) return
  const { request, response } = exchange
  log.info({
    request_id: exchange.requestId,
    method: request.method,
    path: exchange.path,
    route: exchange.routePrefix,
    client: exchange.client,
    status: exchange.status,
    ms: Math.round((performance.now() - exchange.startedAtMs) * 10) / 10,
    address: exchange.clientAddress,
    error: exchange.errorCode === '' ? undefined : exchange.errorCode,
    shadow: exchange.shadowRefusals.length === 0 ? undefined : exchange.shadowRefusals,
    aborted: response.writableFinished ? undefined : true,
  })
}
