import { invalidParameter } from './errors.ts'
import type { QueryParameters } from './query.ts'
import { linkTo } from './resource.ts'

/** One page of a collection. */
export interface Page {
  /** From 1. */
  readonly number: number
  readonly size: number
}

/** The parameters that choose a page. */
export const pageParameters = ['page[number]', 'page[size]'] as const

const defaultSize = 20
/** Keeps one answer, and the work for it, small whatever is asked for. */
const maxSize = 100
const maxNumber = 1_000_000

/** Reads which page is asked for; the first one of 20 when nothing is said. */
export function readPage(parameters: QueryParameters): Page {
  return {
    number: readCount(parameters, 'page[number]', maxNumber) ?? 1,
    size: readCount(parameters, 'page[size]', maxSize) ?? defaultSize,
  }
}

/**
 * The links that lead through a collection (JSON:API 1.1, section 6.7). They keep every other parameter, and a page past
 * the end leads back to the last one.
 */
export function pageLinks(path: string, parameters: QueryParameters, { page, total }: PageOfTotal) {
  const last = Math.max(1, Math.ceil(total / page.size))
  const linkToPage = (number: number) =>
    linkTo(path, new Map([...parameters, ['page[number]', String(number)]]))
  return {
    self: linkTo(path, parameters),
    first: linkToPage(1),
    prev: page.number > 1 ? linkToPage(Math.min(page.number - 1, last)) : null,
    next: page.number < last ? linkToPage(page.number + 1) : null,
    last: linkToPage(last),
  }
}

interface PageOfTotal {
  readonly page: Page
  /** How many resources the whole collection has. */
  readonly total: number
}

function readCount(parameters: QueryParameters, name: string, max: number): number | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0
  if (count < 1 || count > max) throw invalidParameter(name, `The value must be a number from 1 to ${max}.`)
  return count
}
