/** Who looks, as far as this API knows: it is told roles, never users. */
export interface Viewer {
  /** The roles that the gateway told, as it told them. */
  readonly roles: readonly string[]
  /** Whether unpublished programmes and those outside their rights window can be seen too. */
  readonly isEditor: boolean
  /** When they look. */
  readonly at: Date
}

/**
 * Reads the roles that the gateway wrote, such as `USER,EDITOR`. The header can be believed because the gateway removes
 * every spelling of it that a client sends. Roles that mean nothing here are passed over; `undefined`
 * when none is left.
 */
export function readViewer(header: string | readonly string[] | undefined, at: Date): Viewer | undefined {
  const roles = String(header ?? '')
    .split(',')
    .map((role) => role.trim())
  if (roles.includes('EDITOR')) return { roles, isEditor: true, at }
  if (roles.includes('USER')) return { roles, isEditor: false, at }
  return undefined
}
