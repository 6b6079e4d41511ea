import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a private authority's certificate, and of a certificate and key that it gave to a server on this machine. */
export interface CertificateFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Makes a private authority and a certificate for 127.0.0.1 and localhost, in this folder, by openssl. */
export function makeCertificates(folder: string): CertificateFiles {
  const file = (name: string) => join(folder, name)
  const [ca, caKey, cert, key] = ['ca.crt', 'ca.key', 'server.crt', 'server.key'].map(file) as [
    string,
    string,
    string,
    string,
  ]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const extensions = file('extensions')
  writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  openssl(['req', '-x509', ...newKey, '-subj', '/CN=test authority', '-keyout', caKey, '-out', ca])
  openssl(['req', ...newKey, '-subj', '/CN=localhost', '-keyout', key, '-out', file('server.csr')])
  const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions]
  openssl(['x509', '-req', '-in', file('server.csr'), ...signing, '-out', cert])
  return { ca, cert, key }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore', timeout: 20_000 })
}
