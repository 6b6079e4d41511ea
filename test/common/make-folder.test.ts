import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeFolder } from '../../common/make-folder.ts'

t.test('missing folders are made for their owner alone, and one that is there stays as it is', (t) => {
  const root = t.testdir({})
  mkdirSync(join(root, 'there'), { mode: 0o755 })
  makeFolder(join(root, 'there', 'new', 'deep'))
  for (const path of ['there/new', 'there/new/deep'])
    t.equal(statSync(join(root, path)).mode & 0o777, 0o700, path)
  makeFolder(join(root, 'there'))
  t.equal(statSync(join(root, 'there')).mode & 0o777, 0o755)
  t.end()
})

t.test('a folder that cannot be made is told at once, with its path and what to do', (t) => {
  const root = t.testdir({})
  const file = join(root, 'file')
  writeFileSync(file, '')
  const cure = 'Make it and give it to this user, or name another place'
  for (const [folder, message] of [
    [join(file, 'below'), `the folder ${file} cannot be made: a file has that name. ${cure}`],
    [file, `the folder ${file} cannot be made: a file has that name. ${cure}`],
    // The system makes nothing there, whoever asks, and names no folder that is missing.
    ['/proc/x/y', `the folder /proc/x cannot be made: the system answers ENOENT. ${cure}`],
  ] as const)
    t.throws(() => makeFolder(folder), { name: 'FolderNotMade', message }, folder)
  t.end()
})
