/** What a role looks like, for error texts and documents. */
export const roleRule = 'must be 1 to 64 letters, digits or the signs . _ : / -'

/** Whether a text can be a role: it fits into a header's list and into a comma-separated one as it is. */
export function isRole(text: string): boolean {
  return /^[A-Za-z0-9._:/-]{1,64}$/.test(text)
}
