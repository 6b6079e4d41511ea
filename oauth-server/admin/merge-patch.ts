type Json = Readonly<Record<string, unknown>>

/** Applies a JSON Merge Patch (RFC 7396 §2): null takes a member away, an object is merged, all else is replaced. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) delete result[member]
    else Object.defineProperty(result, member, { ...plain, value: mergePatch(result[member], value) })
  }
  return result
}

/** Defined rather than assigned: `__proto__` is a member like any other. */
const plain = { enumerable: true, configurable: true, writable: true }

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
