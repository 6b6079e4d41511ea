import { unknownResource } from '../json-api/errors.ts'
import { pageLinks, pageParameters, readPage } from '../json-api/pagination.ts'
import { readChoice, readQuery, readSort } from '../json-api/query.ts'
import { createDocument, type DataDocument, linkTo, type Resource } from '../json-api/resource.ts'
import { languages, type Program, programKinds } from './program.ts'
import { type ProgramRepository, sortFields } from './program-repository.ts'
import { apiPath, publicPrograms, videos as videoKind } from './resources.ts'
import { readView, type View, viewParameters } from './view.ts'
import type { Viewer } from './viewer.ts'

/** One call of an endpoint. */
export interface Call {
  readonly repository: ProgramRepository
  readonly viewer: Viewer
  /** Path and query as the client wrote them. */
  readonly url: string
  /** The id in the path; empty where the path has none. */
  readonly id: string
}

const listParameters = [...pageParameters, 'filter[kind]', 'filter[language]', 'sort', ...viewParameters]

/** `GET /api1`: what there is, and as whom the viewer is known here. */
export function showRoot({ viewer, url }: Call): DataDocument {
  readQuery(url, [])
  const paths = ['/programs', '/programs/{id}', '/programs/{id}/videos', '/videos/{id}']
  return createDocument({
    links: { self: apiPath },
    meta: {
      title: 'Programmes and videos',
      roles: viewer.roles,
      resources: paths.map((path) => apiPath + path),
    },
  })
}

/** `GET /api1/programs`: the programmes that this viewer may see, a page at a time. */
export function listPrograms({ repository, viewer, url }: Call): DataDocument {
  const parameters = readQuery(url, listParameters)
  const page = readPage(parameters)
  const selection = {
    kind: readChoice(parameters, 'filter[kind]', programKinds),
    language: readChoice(parameters, 'filter[language]', languages),
    sort: readSort(parameters, sortFields),
    page,
  }
  const view = readView(parameters, viewer, 'videos')
  const { programs, total } = repository.listPrograms(selection, viewer)
  return createDocument({
    links: pageLinks(publicPrograms.path, parameters, { page, total }),
    meta: { total },
    ...renderPrograms(programs, view, repository),
  })
}

/** `GET /api1/programs/:id`. */
export function showProgram({ repository, viewer, url, id }: Call): DataDocument {
  const parameters = readQuery(url, viewParameters)
  const view = readView(parameters, viewer, 'videos')
  const program = found(repository.findProgram(id, viewer))
  const { data, ...rest } = renderPrograms([program], view, repository)
  return createDocument({
    links: { self: linkTo(`${publicPrograms.path}/${id}`, parameters) },
    ...rest,
    data: found(data[0]),
  })
}

/** `GET /api1/programs/:id/videos`. */
export function listVideos({ repository, viewer, url, id }: Call): DataDocument {
  const parameters = readQuery(url, viewParameters)
  const view = readView(parameters, viewer, 'program')
  const program = found(repository.findProgram(id, viewer))
  return createDocument({
    links: { self: linkTo(`${publicPrograms.path}/${id}/videos`, parameters) },
    data: repository.listVideos([program]).map(view.renderVideo),
    ...(view.isIncluding && { included: [view.renderProgram(program)] }),
  })
}

/** `GET /api1/videos/:id`. */
export function showVideo({ repository, viewer, url, id }: Call): DataDocument {
  const parameters = readQuery(url, viewParameters)
  const view = readView(parameters, viewer, 'program')
  const video = found(repository.findVideo(id, viewer))
  return createDocument({
    links: { self: linkTo(`${videoKind.path}/${id}`, parameters) },
    data: view.renderVideo(video),
    ...(view.isIncluding && {
      included: [view.renderProgram(found(repository.findProgram(video.programId, viewer)))],
    }),
  })
}

/** Renders programmes and, where they are included, the videos of them all, which are read at once. */
function renderPrograms(
  programs: readonly Program[],
  view: View,
  repository: ProgramRepository,
): { readonly data: readonly Resource[]; readonly included?: readonly Resource[] } {
  if (!view.isIncluding) return { data: programs.map(view.renderProgram) }
  const videos = repository.listVideos(programs)
  const videosByProgram = Map.groupBy(videos, (video) => video.programId)
  return {
    data: programs.map((program) =>
      view.renderProgram({ ...program, videos: videosByProgram.get(program.id) ?? [] }),
    ),
    included: videos.map(view.renderVideo),
  }
}

function found<Item>(item: Item | undefined): Item {
  if (item === undefined) throw unknownResource()
  return item
}
