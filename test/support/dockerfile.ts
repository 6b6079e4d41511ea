/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals: `FROM`, `COPY`. */
  readonly keyword: string
  readonly flags: readonly string[]
  /** What follows the flags, split at spaces, or the strings of an exec form. */
  readonly words: readonly string[]
}

/** The instructions from one `FROM` to the next; the last stage is the image. */
export interface Stage {
  /** The name after `AS`, if it has one. */
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

/** Reads a Dockerfile by lines: comments, continued lines and the exec form; neither heredocs nor parser directives. */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: { name: string | undefined; instructions: Instruction[] }[] = []
  for (const line of text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')) {
    if (line.trim() === '') continue
    const instruction = parseInstruction(line.trim())
    if (instruction.keyword === 'FROM') stages.push({ name: instruction.words[2], instructions: [] })
    stages.at(-1)?.instructions.push(instruction)
  }
  return stages
}

function parseInstruction(line: string): Instruction {
  const [, keyword = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
  const words = rest.startsWith('[') ? (JSON.parse(rest) as string[]) : rest.split(/\s+/)
  const firstWord = words.findIndex((word) => !word.startsWith('--'))
  return { keyword: keyword.toUpperCase(), flags: words.slice(0, firstWord), words: words.slice(firstWord) }
}
