/*
 * The gateway in front of what nobody here wrote: Debian's nginx serving and taking files, and Python's http.server. Bodies
 * of up to 100 MB arrive byte for byte in both directions, and the gateway's memory does not grow with them.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { type RunningCommand, runCommand, runPasserelle } from '../support/command.ts'
import { freePort, untilAnswering } from '../support/ports.ts'
import { needs, nginx, python3 } from '../support/services.ts'

const sizes = [0, 1, 65_536, 1_000_003, 100 * 1024 * 1024]

/** A folder with a file of each size, and of each the digest. */
function makeFiles(t: Test): { folder: string; digests: Map<number, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'files-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const digests = new Map<number, string>()
  for (const size of sizes) {
    const content = randomBytes(size)
    writeFileSync(join(folder, `${size}.bin`), content)
    digests.set(size, createHash('sha256').update(content).digest('hex'))
  }
  return { folder, digests }
}

/** A gateway in a process of its own, so that its memory is its own. */
async function startGateway(t: Test, backendPort: number): Promise<{ url: string; gateway: RunningCommand }> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = {
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${adminPort}`,
    routes: { '/files': { to: `http://127.0.0.1:${backendPort}`, auth: 'none', stripPrefix: true } },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(config))
  const gateway = runPasserelle(['gateway', '--config', join(folder, 'gateway.yaml')])
  t.teardown(async () => {
    await gateway.stop()
    rmSync(folder, { recursive: true })
  })
  await untilAnswering(port)
  return { url: `http://127.0.0.1:${port}`, gateway }
}

/** The memory that a process holds now, in MiB. */
function residentMiB(command: RunningCommand): number {
  const status = readFileSync(`/proc/${command.child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

async function digestOf(stream: Readable, onChunk: () => void): Promise<string> {
  const digest = createHash('sha256')
  for await (const chunk of stream) {
    digest.update(chunk)
    onChunk()
  }
  return digest.digest('hex')
}

async function download(
  url: string,
  onChunk: () => void,
): Promise<{ status: number | undefined; digest: string }> {
  const request = httpRequest(url).end()
  const [response] = await once(request, 'response')
  return { status: response.statusCode, digest: await digestOf(response, onChunk) }
}

/** Memory may rise by what is in flight, never by what has passed. */
const allowedGrowthMiB = 64

async function holdDownloads(t: Test, backendPort: number, digests: Map<number, string>): Promise<void> {
  const { url, gateway } = await startGateway(t, backendPort)
  for (const size of sizes.slice(0, -1)) {
    t.match(await download(`${url}/files/${size}.bin`, () => undefined), {
      status: 200,
      digest: digests.get(size),
    })
  }
  const large = sizes.at(-1) ?? 0
  await download(`${url}/files/${large}.bin`, () => undefined)
  const before = residentMiB(gateway)
  let peak = before
  for (let round = 0; round < 3; round += 1) {
    const watch = () => {
      peak = Math.max(peak, residentMiB(gateway))
    }
    t.match(await download(`${url}/files/${large}.bin`, watch), { status: 200, digest: digests.get(large) })
  }
  t.ok(peak - before < allowedGrowthMiB, `memory rose by ${Math.round(peak - before)} MiB over 300 MiB`)
  const missing = await fetch(`${url}/files/none`)
  t.equal(missing.status, 404, 'the backend’s own refusal passes through')
  await missing.arrayBuffer()
}

t.test('in front of Python’s http.server', await needs(python3), async (t) => {
  const { folder, digests } = makeFiles(t)
  const port = await freePort()
  const server = runCommand('python3', [
    '-m',
    'http.server',
    String(port),
    '--bind',
    '127.0.0.1',
    '--directory',
    folder,
  ])
  t.teardown(() => server.stop())
  await untilAnswering(port)
  await holdDownloads(t, port, digests)
})

t.test('in front of nginx, which serves a folder and takes uploads', await needs(nginx), async (t) => {
  const { folder, digests } = makeFiles(t)
  const port = await startNginx(t, folder)
  await holdDownloads(t, port, digests)
  const { url, gateway } = await startGateway(t, port)
  const upload = async (size: number, framing: 'length' | 'chunks', onChunk: () => void) => {
    const name = `up-${size}-${framing}-${Math.random()}.bin`
    const headers = framing === 'length' ? { 'content-length': size } : {}
    const request = httpRequest(`${url}/files/${name}`, { method: 'PUT', headers })
    createReadStream(join(folder, `${size}.bin`))
      .on('data', onChunk)
      .pipe(request)
    const [response] = await once(request, 'response')
    response.resume()
    const stored = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex')
    rmSync(join(folder, name))
    t.same([response.statusCode, stored], [201, digests.get(size)], `${size} bytes by ${framing} arrived`)
  }
  for (const size of sizes) {
    await upload(size, 'length', () => undefined)
    await upload(size, 'chunks', () => undefined)
  }
  // The uploads so far have warmed the gateway up.
  const before = residentMiB(gateway)
  let peak = before
  const watch = () => {
    peak = Math.max(peak, residentMiB(gateway))
  }
  for (let round = 0; round < 3; round += 1) await upload(sizes.at(-1) ?? 0, 'length', watch)
  t.ok(peak - before < allowedGrowthMiB, `memory rose by ${Math.round(peak - before)} MiB over 300 MiB`)
  const ranged = await fetch(`${url}/files/65536.bin`, { headers: { range: 'bytes=10-19' } })
  t.same([ranged.status, ranged.headers.get('content-range')], [206, 'bytes 10-19/65536'])
  t.equal((await ranged.arrayBuffer()).byteLength, 10)
  const etag = ranged.headers.get('etag') ?? ''
  const unchanged = await fetch(`${url}/files/65536.bin`, { headers: { 'if-none-match': etag } })
  t.equal(unchanged.status, 304)
})

async function startNginx(t: Test, folder: string): Promise<number> {
  const port = await freePort()
  const state = mkdtempSync(join(tmpdir(), 'nginx-'))
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(state, name))
  const config = `
    daemon off; worker_processes 1; pid ${state}/nginx.pid; error_log ${state}/error.log;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events {}
    http {
      access_log off; client_max_body_size 0;
      client_body_temp_path ${state}/body; proxy_temp_path ${state}/proxy; fastcgi_temp_path ${state}/fastcgi;
      uwsgi_temp_path ${state}/uwsgi; scgi_temp_path ${state}/scgi;
      server { listen 127.0.0.1:${port}; root ${folder}; dav_methods PUT; }
    }`
  writeFileSync(join(state, 'nginx.conf'), config)
  const server = runCommand('nginx', ['-c', join(state, 'nginx.conf'), '-e', join(state, 'error.log')])
  t.teardown(async () => {
    await server.stop()
    rmSync(state, { recursive: true })
  })
  await untilAnswering(port)
  return port
}
