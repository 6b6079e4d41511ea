import type { Language } from './program.ts'

/** Words for sample titles and descriptions in one language. `{topic}` stands for one of the topics. */
interface Words {
  readonly topics: readonly [string, ...string[]]
  readonly titles: readonly [string, ...string[]]
  readonly description: string
}

export const words: Readonly<Record<Language, Words>> = {
  fr: {
    topics: [
      'Le Rhin',
      'Les forêts d’Europe',
      'Les bâtisseurs de cathédrales',
      'La mer du Nord',
      'L’atelier du luthier',
      'Les nuits de Strasbourg',
      'Le dernier phare',
      'Les sœurs du glacier',
      'L’été des hirondelles',
      'Les archives oubliées',
      'Une usine et ses ouvrières',
      'Le chant des baleines',
      'À l’école du cirque',
      'Œuvres volées',
      'Écouter les volcans',
    ],
    titles: [
      '{topic}',
      '{topic} : une enquête',
      '{topic}, première partie',
      '{topic}, deuxième partie',
      '{topic} : la grande histoire',
      '{topic} en concert',
    ],
    description:
      '« {topic} » : un regard sur ce que l’on croyait connaître, filmé pendant une année entière.',
  },
  de: {
    topics: [
      'Der Rhein',
      'Europas Wälder',
      'Die Baumeister der Kathedralen',
      'Die Nordsee',
      'In der Werkstatt des Geigenbauers',
      'Nächte in Straßburg',
      'Der letzte Leuchtturm',
      'Die Schwestern vom Gletscher',
      'Der Sommer der Schwalben',
      'Vergessene Archive',
      'Eine Fabrik und ihre Arbeiterinnen',
      'Der Gesang der Wale',
      'In der Zirkusschule',
      'Geraubte Kunst',
      'Über den Vulkanen',
    ],
    titles: [
      '{topic}',
      '{topic}: eine Spurensuche',
      '{topic}, erster Teil',
      '{topic}, zweiter Teil',
      '{topic}: die ganze Geschichte',
      '{topic} im Konzert',
    ],
    description: '„{topic}“: ein Blick auf das, was man zu kennen glaubte, über ein ganzes Jahr gefilmt.',
  },
}

export const producers = [
  'Atelier Grand Large',
  'Brückenfilm',
  'Compagnie du Pont',
  'Les Films du Méridien',
  'Nordlicht Produktion',
  'Studio Vogesen',
] as const
