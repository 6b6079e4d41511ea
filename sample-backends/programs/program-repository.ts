import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Page } from '../json-api/pagination.ts'
import type { SortKey } from '../json-api/query.ts'
import type { Image, Language, Program, ProgramKind, Stream, Video } from './program.ts'
import type { Viewer } from './viewer.ts'

export const sortFields = ['title', 'broadcastAt', 'duration'] as const
export type SortField = (typeof sortFields)[number]

/** Which programmes are asked for, in which order. */
export interface ProgramSelection {
  readonly kind: ProgramKind | undefined
  readonly language: Language | undefined
  readonly sort: readonly SortKey<SortField>[]
  readonly page: Page
}

/** All that the database holds. */
export interface Catalogue {
  readonly programs: readonly Program[]
  readonly videos: readonly Video[]
}

/** STRICT holds the columns to their types, so that a row is what {@link ProgramRow} and {@link VideoRow} say. */
const schema = `
  CREATE TABLE IF NOT EXISTS programs (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, title_key TEXT NOT NULL, producer TEXT NOT NULL,
    description TEXT NOT NULL, duration INTEGER NOT NULL, kind TEXT NOT NULL, languages TEXT NOT NULL,
    broadcast_at INTEGER NOT NULL, images TEXT NOT NULL, published INTEGER NOT NULL,
    rights_start INTEGER, rights_end INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS videos (
    id TEXT PRIMARY KEY, program_id TEXT NOT NULL REFERENCES programs, kind TEXT NOT NULL,
    language TEXT NOT NULL, duration INTEGER NOT NULL, streams TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS videos_by_program ON videos (program_id);`

/** What a viewer may see is decided here and nowhere else, so that counts, pages and included videos agree. */
const isVisible = `(:isEditor OR (published AND coalesce(rights_start <= :at, TRUE) AND coalesce(:at < rights_end, TRUE)))`

const isSelected = `
  (:kind IS NULL OR kind = :kind)
  AND (:language IS NULL OR EXISTS (SELECT 1 FROM json_each(languages) WHERE value = :language))`

const sortColumns: Readonly<Record<SortField, string>> = {
  title: 'title_key',
  broadcastAt: 'broadcast_at',
  duration: 'duration',
}

interface ProgramRow {
  readonly id: string
  readonly title: string
  readonly producer: string
  readonly description: string
  readonly duration: number
  readonly kind: ProgramKind
  readonly languages: string
  readonly broadcast_at: number
  readonly images: string
  readonly published: number
  readonly rights_start: number | null
  readonly rights_end: number | null
}

interface VideoRow {
  readonly id: string
  readonly program_id: string
  readonly kind: Video['kind']
  readonly language: Language
  readonly duration: number
  readonly streams: string
}

/** Programmes and videos in SQLite. Every read is made for a viewer, and none runs a query per row. */
export class ProgramRepository {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
    database.exec(schema)
  }

  /** Fills the tables unless they hold something; a second process that starts at the same time waits, then finds them full. */
  fillWhenEmpty(createCatalogue: () => Catalogue): void {
    this.#database.exec('BEGIN IMMEDIATE')
    if (this.#database.prepare('SELECT 1 FROM programs LIMIT 1').get() === undefined)
      this.#insert(createCatalogue())
    this.#database.exec('COMMIT')
  }

  /** One page of the programmes, and how many there are on all pages. */
  listPrograms(
    selection: ProgramSelection,
    viewer: Viewer,
  ): { readonly programs: readonly Program[]; readonly total: number } {
    const { kind = null, language = null, sort, page } = selection
    const where = `FROM programs WHERE ${isVisible} AND ${isSelected}`
    const parameters = { ...viewerParameters(viewer), kind, language }
    const [count] = this.#all<{ total: number }>(`SELECT count(*) AS total ${where}`, parameters)
    const rows = this.#all<ProgramRow>(
      `SELECT * ${where} ORDER BY ${orderBy(sort)} LIMIT :limit OFFSET :offset`,
      {
        ...parameters,
        limit: page.size,
        offset: (page.number - 1) * page.size,
      },
    )
    return { programs: rows.map(toProgram), total: count?.total ?? 0 }
  }

  findProgram(id: string, viewer: Viewer): Program | undefined {
    const sql = `SELECT * FROM programs WHERE id = :id AND ${isVisible}`
    return this.#all<ProgramRow>(sql, { ...viewerParameters(viewer), id }).map(toProgram)[0]
  }

  /** The videos of all these programmes, which the caller has found for this viewer before. */
  listVideos(programs: readonly Program[]): readonly Video[] {
    const sql = 'SELECT * FROM videos WHERE program_id IN (SELECT value FROM json_each(:ids)) ORDER BY id'
    return this.#all<VideoRow>(sql, { ids: JSON.stringify(programs.map(({ id }) => id)) }).map(toVideo)
  }

  /** A video can be seen with its programme. */
  findVideo(id: string, viewer: Viewer): Video | undefined {
    const sql = `SELECT * FROM videos WHERE id = :id AND program_id IN (SELECT id FROM programs WHERE ${isVisible})`
    return this.#all<VideoRow>(sql, { ...viewerParameters(viewer), id }).map(toVideo)[0]
  }

  close(): void {
    this.#database.close()
  }

  #all<Row>(sql: string, parameters: Record<string, SQLInputValue>): readonly Row[] {
    return this.#database.prepare(sql).all(parameters) as Row[]
  }

  #insert({ programs, videos }: Catalogue): void {
    const insertProgram =
      this.#database.prepare(`INSERT INTO programs VALUES (:id, :title, :title_key, :producer,
      :description, :duration, :kind, :languages, :broadcast_at, :images, :published, :rights_start, :rights_end)`)
    const insertVideo = this.#database.prepare(
      'INSERT INTO videos VALUES (:id, :program_id, :kind, :language, :duration, :streams)',
    )
    for (const program of programs) insertProgram.run(fromProgram(program))
    for (const video of videos) insertVideo.run(fromVideo(video))
  }
}

function viewerParameters(viewer: Viewer) {
  return { isEditor: viewer.isEditor ? 1 : 0, at: viewer.at.getTime() }
}

/** The id comes last, so that rows that are alike keep their order and no page repeats or misses one. */
function orderBy(sort: ProgramSelection['sort']): string {
  const terms = sort.map(({ field, isDescending }) => `${sortColumns[field]}${isDescending ? ' DESC' : ''}`)
  return [...terms, 'id'].join(', ')
}

/** SQLite compares bytes: without case, accents, ligatures and punctuation, titles sort as a reader expects. */
function titleKey(title: string): string {
  const letters = title.toLowerCase().replaceAll('œ', 'oe').replaceAll('ß', 'ss')
  return letters
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
}

function fromProgram({ broadcastAt, rightsWindow, ...program }: Program) {
  return {
    ...program,
    title_key: titleKey(program.title),
    languages: JSON.stringify(program.languages),
    broadcast_at: broadcastAt.getTime(),
    images: JSON.stringify(program.images),
    published: program.published ? 1 : 0,
    rights_start: rightsWindow.start?.getTime() ?? null,
    rights_end: rightsWindow.end?.getTime() ?? null,
  }
}

function toProgram(row: ProgramRow): Program {
  const { broadcast_at, rights_start, rights_end, ...columns } = row
  return {
    ...columns,
    languages: JSON.parse(row.languages) as Program['languages'],
    broadcastAt: new Date(broadcast_at),
    images: JSON.parse(row.images) as readonly Image[],
    published: row.published === 1,
    rightsWindow: { start: toDate(rights_start), end: toDate(rights_end) },
  }
}

function fromVideo({ programId, ...video }: Video) {
  return { ...video, program_id: programId, streams: JSON.stringify(video.streams) }
}

function toVideo({ program_id, ...row }: VideoRow): Video {
  return { ...row, programId: program_id, streams: JSON.parse(row.streams) as readonly Stream[] }
}

function toDate(time: number | null): Date | null {
  return time === null ? null : new Date(time)
}
