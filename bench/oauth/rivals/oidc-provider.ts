import Provider from 'oidc-provider'
import { createSqliteAdapter } from './sqlite-adapter.ts'

const [port = '', file = '', clients = '[]'] = process.argv.slice(2)

/** As it comes, with the two features that are compared, opaque tokens of an hour and clients that it has in memory. */
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: createSqliteAdapter(file),
  clients: JSON.parse(clients),
  scopes: ['user', 'introspect'],
  ttl: { ClientCredentials: 3_600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
  },
})
provider.listen(Number(port), '127.0.0.1')
