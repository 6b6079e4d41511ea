import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseGatewayConfig } from '../../gateway/config/load.ts'

t.test('the example of JWT access tokens is a configuration that the gateway takes', (t) => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const text = /^## JWT access tokens\n[\s\S]*?```yaml\n([\s\S]*?)```/m.exec(page)?.[1] ?? ''
  const { identities } = parseGatewayConfig({ fileName: 'operations.md', text, env: {} })
  t.match(identities, [{ kind: 'jwt', issuer: 'https://login.example.org/realms/partners' }])
  t.end()
})
