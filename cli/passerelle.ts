#!/usr/bin/env node
const oldestNode = 24

/** What a person did wrong is one line; what the program did wrong shows where. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isOurFault =
    error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError
  return isOurFault ? (error.stack ?? error.message) : error.message
}

if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  console.error(`passerelle needs Node ${oldestNode} or later; this is Node ${process.versions.node}`)
  process.exitCode = 1
} else {
  try {
    // Loaded only now: an older Node would stop at a module that it lacks, with a message that helps nobody.
    const { createProgram } = await import('./program.ts')
    const program = await createProgram(process.argv[2])
    await program.parseAsync()
  } catch (error) {
    console.error(describe(error))
    process.exitCode = 1
  }
}

export {}
