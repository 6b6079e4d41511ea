import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

/**
 * The proxy that a Node team would reach for first, as it comes: no token, no quota, no log, no metrics. What Passerelle
 * costs beyond it is what its job costs. Arguments: the port to listen on, the URL of the backend.
 */
const [port, backendUrl] = process.argv.slice(2)
const app = fastify({ logger: false })
await app.register(httpProxy, { upstream: backendUrl ?? '' })
await app.listen({ host: '127.0.0.1', port: Number(port) })
