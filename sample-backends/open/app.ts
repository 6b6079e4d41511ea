import type { FastifyInstance } from 'fastify'
import type { Logger } from '../../common/log.ts'
import { unknownResource } from '../json-api/errors.ts'
import { readQuery } from '../json-api/query.ts'
import {
  createDocument,
  type DataDocument,
  fieldsParameter,
  linkTo,
  readFields,
  renderResource,
} from '../json-api/resource.ts'
import { createJsonApiServer, sendDocument } from '../json-api/server.ts'
import { allChannels, apiPath, channels } from './channels.ts'

const viewParameters = [fieldsParameter(channels.type)]

/** The channel API: open to everybody, without token or role. */
export function createOpenApp(log: Logger): FastifyInstance {
  return createJsonApiServer({
    log,
    vary: ['Accept'],
    addRoutes: (api) => {
      api.get('/api2', ({ url }, reply) => sendDocument(reply, showRoot(url)))
      api.get('/api2/channels', ({ url }, reply) => sendDocument(reply, listChannels(url)))
      api.get<{ Params: { readonly id: string } }>('/api2/channels/:id', ({ url, params }, reply) =>
        sendDocument(reply, showChannel(url, params.id)),
      )
    },
  })
}

function showRoot(url: string): DataDocument {
  readQuery(url, [])
  return createDocument({
    links: { self: apiPath },
    meta: { title: 'Channels', resources: [channels.path, `${channels.path}/{id}`] },
  })
}

function listChannels(url: string): DataDocument {
  const parameters = readQuery(url, viewParameters)
  const fields = readFields(parameters, channels)
  return createDocument({
    links: { self: linkTo(channels.path, parameters) },
    data: allChannels.map((channel) => renderResource(channels, channel, fields)),
  })
}

function showChannel(url: string, id: string): DataDocument {
  const parameters = readQuery(url, viewParameters)
  const fields = readFields(parameters, channels)
  const channel = allChannels.find((candidate) => candidate.id === id)
  if (channel === undefined) throw unknownResource()
  return createDocument({
    links: { self: linkTo(`${channels.path}/${id}`, parameters) },
    data: renderResource(channels, channel, fields),
  })
}
