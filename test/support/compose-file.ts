import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** A service of a compose file: the members that ours use. */
export interface ComposeService {
  readonly image?: string
  readonly build?: string
  readonly user?: string
  readonly command?: readonly string[]
  /** `null`: passed on from the environment of whoever runs compose. */
  readonly environment?: Readonly<Record<string, string | null>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>>
  readonly healthcheck?: { readonly test?: readonly string[] }
  readonly restart?: string
  readonly privileged?: boolean
  readonly security_opt?: readonly string[]
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes?: Readonly<Record<string, unknown>>
}

/** Reads a compose file, with its anchors merged and nothing interpolated. */
export function readComposeFile(fileName: string): ComposeFile {
  return parse(readFileSync(fileName, 'utf8'), { merge: true }) as ComposeFile
}
