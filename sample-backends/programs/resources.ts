import type { ResourceKind } from '../json-api/resource.ts'
import type { Program, Video } from './program.ts'

export const apiPath = '/api1'

/** A programme as an answer shows it: with its videos when they were asked for. */
export interface ShownProgram extends Program {
  readonly videos?: readonly Video[]
}

/** What everybody sees of a programme. */
export const publicPrograms: ResourceKind<ShownProgram> = {
  type: 'programs',
  path: `${apiPath}/programs`,
  attributes: {
    title: (program) => program.title,
    producer: (program) => program.producer,
    description: (program) => program.description,
    duration: (program) => program.duration,
    kind: (program) => program.kind,
    languages: (program) => program.languages,
    broadcastAt: (program) => program.broadcastAt,
    images: (program) => program.images,
  },
  relationships: {
    videos: ({ id, videos }) => ({
      links: { related: `${apiPath}/programs/${id}/videos` },
      ...(videos && { data: videos.map((video) => ({ type: 'videos', id: video.id })) }),
    }),
  },
}

/** What an editor sees of it besides. */
export const editorPrograms: ResourceKind<ShownProgram> = {
  ...publicPrograms,
  attributes: {
    ...publicPrograms.attributes,
    published: (program) => program.published,
    rightsWindow: (program) => program.rightsWindow,
  },
}

export const videos: ResourceKind<Video> = {
  type: 'videos',
  path: `${apiPath}/videos`,
  attributes: {
    kind: (video) => video.kind,
    language: (video) => video.language,
    duration: (video) => video.duration,
    streams: (video) => video.streams,
  },
  relationships: {
    program: ({ programId }) => ({
      links: { related: `${apiPath}/programs/${programId}` },
      data: { type: 'programs', id: programId },
    }),
  },
}
