import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs and files that the bench needs, with the Debian package of each. */
const programs = [
  ['taskset', 'util-linux'],
  ['wrk', 'wrk'],
  ['nginx', 'nginx'],
  ['redis-server', 'redis-server'],
] as const

const files = [
  ['/usr/lib/nginx/modules/ngx_http_lua_module.so', 'libnginx-mod-http-lua'],
  ['/usr/lib/*/lua/5.1/cjson.so', 'lua-cjson'],
  ['/usr/share/lua/5.1/nginx/redis.lua', 'lua-nginx-redis'],
] as const

/** Debian's system folders, which the search path of an ordinary user leaves out. */
const systemFolders = ['/usr/sbin', '/sbin']

/** The Debian packages that this machine lacks. */
export function missingPackages(): readonly string[] {
  const lackingPrograms = programs.filter(([program]) => !isProgram(program))
  const lackingFiles = files.filter(([file]) => globSync(file).length === 0)
  return [...lackingPrograms, ...lackingFiles].map(([, name]) => name)
}

/** The search path for the bench's own processes. */
export const searchPath = [process.env.PATH ?? '', ...systemFolders].join(delimiter)

function isProgram(name: string): boolean {
  return searchPath.split(delimiter).some((folder) => isExecutable(join(folder, name)))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
