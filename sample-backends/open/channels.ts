import type { ResourceKind } from '../json-api/resource.ts'

export const apiPath = '/api2'

/** A place where the broadcaster shows its programmes: a TV channel, or an editorial zone online. */
export interface Channel {
  readonly id: string
  readonly kind: 'channel' | 'zone'
  /** Its name in each language that it is offered in. */
  readonly name: Readonly<Record<'de' | 'fr', string>>
  readonly description: string
}

export const channels: ResourceKind<Channel> = {
  type: 'channels',
  path: `${apiPath}/channels`,
  attributes: {
    kind: (channel) => channel.kind,
    name: (channel) => channel.name,
    description: (channel) => channel.description,
  },
  relationships: {},
}

export const allChannels: readonly Channel[] = [
  {
    id: 'fr',
    kind: 'channel',
    name: { fr: 'La chaîne en français', de: 'Das französische Programm' },
    description: 'Television in French, all day.',
  },
  {
    id: 'de',
    kind: 'channel',
    name: { fr: 'La chaîne en allemand', de: 'Das deutsche Programm' },
    description: 'Television in German, all day.',
  },
  {
    id: 'cinema',
    kind: 'zone',
    name: { fr: 'Cinéma', de: 'Kino' },
    description: 'Films, and those who make them.',
  },
  {
    id: 'concert',
    kind: 'zone',
    name: { fr: 'Concerts', de: 'Konzerte' },
    description: 'Concerts and operas, live and again.',
  },
  {
    id: 'history',
    kind: 'zone',
    name: { fr: 'Histoire', de: 'Geschichte' },
    description: 'Documentaries on how Europe came to be.',
  },
  {
    id: 'science',
    kind: 'zone',
    name: { fr: 'Sciences', de: 'Wissenschaft' },
    description: 'Research, nature and technology.',
  },
]
