import { type QueryParameters, readNames } from '../json-api/query.ts'
import { fieldsParameter, type Resource, readFields, renderResource } from '../json-api/resource.ts'
import type { Video } from './program.ts'
import { editorPrograms, publicPrograms, type ShownProgram, videos } from './resources.ts'
import type { Viewer } from './viewer.ts'

/** How one document shows programmes and videos. */
export interface View {
  /** Whether the related resources come along. */
  readonly isIncluding: boolean
  renderProgram(program: ShownProgram): Resource
  renderVideo(video: Video): Resource
}

/** The parameters that choose a view. */
export const viewParameters = [
  'include',
  fieldsParameter(publicPrograms.type),
  fieldsParameter(videos.type),
] as const

/** Reads the view. A field that only editors see is, to everybody else, a field that does not exist. */
export function readView(
  parameters: QueryParameters,
  viewer: Viewer,
  relationship: 'program' | 'videos',
): View {
  const programs = viewer.isEditor ? editorPrograms : publicPrograms
  const programFields = readFields(parameters, programs)
  const videoFields = readFields(parameters, videos)
  return {
    isIncluding: readNames(parameters, 'include', [relationship])?.has(relationship) ?? false,
    renderProgram: (program) => renderResource(programs, program, programFields),
    renderVideo: (video) => renderResource(videos, video, videoFields),
  }
}
