export const languages = ['de', 'fr'] as const
export type Language = (typeof languages)[number]

export const programKinds = ['concert', 'documentary', 'film', 'magazine', 'series'] as const
export type ProgramKind = (typeof programKinds)[number]

export interface Image {
  readonly url: string
  readonly width: number
  readonly height: number
}

/** From when until when a programme may be shown: the start is inside, the end is not; `null` leaves a side open. */
export interface RightsWindow {
  readonly start: Date | null
  readonly end: Date | null
}

/** A programme of the broadcaster. */
export interface Program {
  readonly id: string
  /** In the first of its languages. */
  readonly title: string
  readonly producer: string
  readonly description: string
  /** In seconds. */
  readonly duration: number
  readonly kind: ProgramKind
  /** The original language first. */
  readonly languages: readonly [Language, ...Language[]]
  readonly broadcastAt: Date
  readonly images: readonly Image[]
  readonly published: boolean
  readonly rightsWindow: RightsWindow
}

export interface Stream {
  readonly format: 'mp4' | 'hls'
  readonly url: string
}

/** One playable version of a programme. */
export interface Video {
  readonly id: string
  readonly programId: string
  readonly kind: 'full' | 'trailer'
  readonly language: Language
  /** In seconds. */
  readonly duration: number
  readonly streams: readonly Stream[]
}
