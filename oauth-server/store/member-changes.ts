/** A thing's members, as they are compared. */
type Members = Readonly<Record<string, unknown>>

/** Longer than this nobody reads in an audit trail: such as a set of keys. */
const maxLength = 300

/** What is different between two states of a thing: each member with its value before and after. */
export function memberChanges<Thing extends object>(
  before: Thing,
  after: Thing,
  ignored: readonly (keyof Thing)[] = [],
): Members {
  const [old, young] = [before as Members, after as Members]
  const changed = Object.keys(young).filter(
    (member) =>
      !ignored.includes(member as keyof Thing) &&
      JSON.stringify(old[member]) !== JSON.stringify(young[member]),
  )
  return Object.fromEntries(
    changed.map((member) => [member, { from: shorten(old[member]), to: shorten(young[member]) }]),
  )
}

function shorten(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : (value ?? null)
}
