import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../../common/log.ts'
import { missingRole } from '../json-api/errors.ts'
import type { DataDocument } from '../json-api/resource.ts'
import { createJsonApiServer, sendDocument } from '../json-api/server.ts'
import { type Call, listPrograms, listVideos, showProgram, showRoot, showVideo } from './endpoints.ts'
import type { ProgramRepository } from './program-repository.ts'
import { readViewer } from './viewer.ts'

/** What the programme API works with. */
export interface ProgramServices {
  readonly repository: ProgramRepository
  /** The request header in which the gateway tells the caller's roles. */
  readonly rolesHeader: string
  readonly now: () => Date
}

/** The programme API, for callers with the role USER or EDITOR. */
export function createProgramsApp(services: ProgramServices, log: Logger): FastifyInstance {
  const answer = (endpoint: (call: Call) => DataDocument) => (request: FastifyRequest, reply: FastifyReply) =>
    sendDocument(reply, endpoint(toCall(request, services)))
  return createJsonApiServer({
    log,
    vary: [services.rolesHeader, 'Accept'],
    addRoutes: (api) => {
      api.get('/api1', answer(showRoot))
      api.get('/api1/programs', answer(listPrograms))
      api.get('/api1/programs/:id', answer(showProgram))
      api.get('/api1/programs/:id/videos', answer(listVideos))
      api.get('/api1/videos/:id', answer(showVideo))
    },
  })
}

/** The viewer comes first: who has no role here learns nothing, not even which parameters exist. */
function toCall(request: FastifyRequest, { repository, rolesHeader, now }: ProgramServices): Call {
  const viewer = readViewer(request.headers[rolesHeader.toLowerCase()], now())
  if (viewer === undefined) throw missingRole(rolesHeader)
  const { id = '' } = request.params as { readonly id?: string }
  return { repository, viewer, url: request.url, id }
}
