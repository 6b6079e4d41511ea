import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Ends a program and removes its folder when this process ends without having done so, however it ends: the system then
 * closes the pipe on which a shell waits, and the shell lives in a group of its own that no signal to this one reaches.
 */
export function endWithParent(child: ChildProcess, folder: string): void {
  if (child.pid === undefined) return
  const script = 'read -r word || { kill -KILL "$1"; rm -rf "$2"; }'
  const watcher = spawn('/bin/sh', ['-c', script, 'watch', String(child.pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  watcher.stdin.on('error', () => {})
  child.once('exit', () => watcher.stdin.end('ended\n'))
}
