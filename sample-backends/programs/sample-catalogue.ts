import { type Program, programKinds, type RightsWindow, type Video } from './program.ts'
import type { Catalogue } from './program-repository.ts'
import { createSeededRandom, type SeededRandom } from './random.ts'
import { producers, words } from './sample-words.ts'

const programCount = 300
/** With this seed the first programme can be seen by everybody at any time: a good first example. */
const seed = 2_014
const dayMs = 86_400_000
const mediaUrl = 'https://media.example'

/**
 * Sample programmes with their videos, about two each: some unpublished, some with a rights window that has passed, has
 * not begun, or is open on one side or both. Times count from the beginning of today (UTC), so that every start on one
 * day makes the same catalogue, to the byte.
 */
export function createSampleCatalogue(now: Date): Catalogue {
  const today = Math.floor(now.getTime() / dayMs) * dayMs
  const random = createSeededRandom(seed)
  const programs = Array.from({ length: programCount }, (_, index) =>
    createProgram(String(100_001 + index), today, random),
  )
  return { programs, videos: programs.flatMap((program) => createVideos(program, random)) }
}

function createProgram(id: string, today: number, random: SeededRandom): Program {
  const languages = random.pick<Program['languages']>([['fr'], ['de'], ['fr', 'de'], ['de', 'fr']])
  const { topics, titles, description } = words[languages[0]]
  const topic = random.pick(topics)
  return {
    id,
    title: random.pick(titles).replace('{topic}', topic),
    producer: random.pick(producers),
    description: description.replace('{topic}', topic),
    duration: random.between(5, 120) * 60,
    kind: random.pick(programKinds),
    languages,
    broadcastAt: new Date(today + random.between(-365 * 24, 30 * 24) * 3_600_000),
    images: [320, 1_280].map((width) => ({
      url: `${mediaUrl}/programs/${id}/${width}.jpg`,
      width,
      height: (width * 9) / 16,
    })),
    published: random.between(1, 10) > 1,
    rightsWindow: createRightsWindow(today, random),
  }
}

function createRightsWindow(today: number, random: SeededRandom): RightsWindow {
  const past = new Date(today - random.between(31, 365) * dayMs)
  const recent = new Date(today - random.between(1, 30) * dayMs)
  const soon = new Date(today + random.between(2, 30) * dayMs)
  const later = new Date(today + random.between(31, 365) * dayMs)
  return random.pick<RightsWindow>([
    { start: past, end: later },
    { start: recent, end: soon },
    { start: past, end: null },
    { start: null, end: soon },
    { start: null, end: null },
    { start: past, end: recent },
    { start: soon, end: later },
  ])
}

/** The programme in each of its languages, and sometimes a trailer. */
function createVideos(program: Program, random: SeededRandom): readonly Video[] {
  const full = program.languages.map((language) => ({
    kind: 'full' as const,
    language,
    duration: program.duration,
  }))
  const trailers = random.pick([0, 1]) === 0 ? [] : [createTrailer(program, random)]
  return [...full, ...trailers].map((video, index) => {
    const id = `${program.id}-${index + 1}`
    const url = `${mediaUrl}/videos/${id}`
    return {
      ...video,
      id,
      programId: program.id,
      streams: [
        { format: 'mp4', url: `${url}/video.mp4` },
        { format: 'hls', url: `${url}/master.m3u8` },
      ],
    }
  })
}

function createTrailer(program: Program, random: SeededRandom) {
  const [language] = program.languages
  return { kind: 'trailer' as const, language, duration: random.between(30, 120) }
}
