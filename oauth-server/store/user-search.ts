import { bytewise, endOfPrefix, type Page, type PageRequest, scanPage, timeIn } from './bounded-scan.ts'
import type { Database } from './tables.ts'
import { toUser, type User, usernameKey } from './user-repository.ts'

/** Which users are wanted; what is left out excludes none. */
export interface UserFilter {
  /** How the username begins, in whatever case. */
  readonly usernamePrefix?: string | undefined
  readonly isDisabled?: boolean | undefined
}

/** One page of users: oldest first, or in the order of usernames where their beginning is looked for. */
export async function findUsers(db: Database, filter: UserFilter, request: PageRequest): Promise<Page<User>> {
  const { usernamePrefix, isDisabled } = filter
  const page = await scanPage({
    ...request,
    read: (after, count) => {
      let query = db.selectFrom('users').selectAll().limit(count)
      if (usernamePrefix === undefined) {
        if (after !== undefined)
          query = query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('created_at', 'id'), '>', tuple(timeIn(after), String(after[1]))),
          )
        return query.orderBy('created_at').orderBy('id').execute()
      }
      const key = bytewise(db, 'username_key')
      const prefix = usernameKey(usernamePrefix)
      query = query.where(key, '>=', prefix).where(key, '<', endOfPrefix(prefix))
      if (after !== undefined) query = query.where(key, '>', String(after[0]))
      return query.orderBy(key).execute()
    },
    keyOf: (row) => (usernamePrefix === undefined ? [row.created_at, row.id] : [row.username_key]),
    accepts: isDisabled === undefined ? undefined : (row) => (row.disabled_at !== null) === isDisabled,
  })
  return { ...page, items: page.items.map(toUser) }
}
