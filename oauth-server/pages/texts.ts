/** The languages of the pages; the first is that of whoever asks for none of them. */
export const languages = ['en', 'fr', 'de'] as const

export type Language = (typeof languages)[number]

/** What can be wrong where the client cannot be told. */
export type Problem =
  | 'badRequest'
  | 'unknownClient'
  | 'unknownRedirectUri'
  | 'staleForm'
  | 'overloaded'
  | 'failed'

/** Every sentence of the pages in one language. */
export interface Texts {
  readonly signIn: string
  readonly signInTo: (client: string) => string
  readonly username: string
  readonly password: string
  readonly cancel: string
  readonly error: string
  readonly missing: string
  readonly wrong: string
  readonly limited: (minutes: number) => string
  readonly consentTitle: (client: string) => string
  readonly signedInAs: (user: string) => string
  readonly mayDo: string
  readonly mayReach: string
  readonly sendsTo: (place: string) => string
  readonly allow: string
  readonly deny: string
  readonly otherUser: string
  readonly signOut: string
  readonly signOutQuestion: string
  readonly signedOut: string
  readonly problemTitle: string
  readonly problems: Readonly<Record<Problem, string>>
  readonly tryAgain: string
  readonly forDevelopers: string
}

const en: Texts = {
  signIn: 'Sign in',
  signInTo: (client) => `Sign in to continue to ${client}.`,
  username: 'Username',
  password: 'Password',
  cancel: 'Cancel',
  error: 'Error',
  missing: 'Enter your username and your password.',
  wrong: 'The username or the password is wrong.',
  limited: (minutes) => `Too many attempts. Try again in ${minutes} min.`,
  consentTitle: (client) => `${client} asks for access`,
  signedInAs: (user) => `You are signed in as ${user}.`,
  mayDo: 'If you allow it, the application may, in your name:',
  mayReach: 'It may use this only at:',
  sendsTo: (place) => `Afterwards you go back to ${place}.`,
  allow: 'Allow',
  deny: 'Do not allow',
  otherUser: 'Use another account',
  signOut: 'Sign out',
  signOutQuestion: 'Do you want to sign out on this device?',
  signedOut: 'You are signed out.',
  problemTitle: 'This did not work',
  problems: {
    badRequest: 'The application sent a request that cannot be understood. Go back to it and try again.',
    unknownClient: 'The application that sent you here is not known.',
    unknownRedirectUri:
      'The application that sent you here wants you to go back to a place that is not known.',
    staleForm:
      'The page was open for too long, or your browser keeps no cookies. Allow cookies, and begin again.',
    overloaded: 'The server cannot answer at the moment. Try again in a few seconds.',
    failed: 'The server failed. Try again later.',
  },
  tryAgain: 'Begin again',
  forDevelopers: 'For developers',
}

const fr: Texts = {
  signIn: 'Connexion',
  signInTo: (client) => `Connectez-vous pour continuer vers ${client}.`,
  username: 'Nom d’utilisateur',
  password: 'Mot de passe',
  cancel: 'Annuler',
  error: 'Erreur',
  missing: 'Saisissez votre nom d’utilisateur et votre mot de passe.',
  wrong: 'Le nom d’utilisateur ou le mot de passe est incorrect.',
  limited: (minutes) => `Trop de tentatives. Réessayez dans ${minutes} min.`,
  consentTitle: (client) => `${client} demande un accès`,
  signedInAs: (user) => `Vous êtes connecté en tant que ${user}.`,
  mayDo: 'Si vous l’autorisez, l’application pourra, en votre nom :',
  mayReach: 'Elle ne pourra s’en servir qu’auprès de :',
  sendsTo: (place) => `Vous retournerez ensuite vers ${place}.`,
  allow: 'Autoriser',
  deny: 'Refuser',
  otherUser: 'Utiliser un autre compte',
  signOut: 'Se déconnecter',
  signOutQuestion: 'Voulez-vous vous déconnecter sur cet appareil ?',
  signedOut: 'Vous êtes déconnecté.',
  problemTitle: 'Cela n’a pas fonctionné',
  problems: {
    badRequest: 'L’application a envoyé une demande incompréhensible. Retournez-y et réessayez.',
    unknownClient: 'L’application qui vous a envoyé ici est inconnue.',
    unknownRedirectUri: 'L’application qui vous a envoyé ici veut vous renvoyer vers une adresse inconnue.',
    staleForm:
      'La page est restée ouverte trop longtemps, ou votre navigateur n’accepte pas les cookies. Autorisez les cookies et recommencez.',
    overloaded: 'Le serveur ne peut pas répondre pour le moment. Réessayez dans quelques secondes.',
    failed: 'Le serveur a rencontré une erreur. Réessayez plus tard.',
  },
  tryAgain: 'Recommencer',
  forDevelopers: 'Pour les développeurs',
}

const de: Texts = {
  signIn: 'Anmelden',
  signInTo: (client) => `Melden Sie sich an, um mit ${client} fortzufahren.`,
  username: 'Benutzername',
  password: 'Passwort',
  cancel: 'Abbrechen',
  error: 'Fehler',
  missing: 'Geben Sie Ihren Benutzernamen und Ihr Passwort ein.',
  wrong: 'Der Benutzername oder das Passwort ist falsch.',
  limited: (minutes) => `Zu viele Versuche. Versuchen Sie es in ${minutes} Min. erneut.`,
  consentTitle: (client) => `${client} bittet um Zugriff`,
  signedInAs: (user) => `Sie sind angemeldet als ${user}.`,
  mayDo: 'Wenn Sie es erlauben, darf die Anwendung in Ihrem Namen:',
  mayReach: 'Sie darf dies nur verwenden bei:',
  sendsTo: (place) => `Danach kehren Sie zurück zu ${place}.`,
  allow: 'Erlauben',
  deny: 'Ablehnen',
  otherUser: 'Ein anderes Konto verwenden',
  signOut: 'Abmelden',
  signOutQuestion: 'Möchten Sie sich auf diesem Gerät abmelden?',
  signedOut: 'Sie sind abgemeldet.',
  problemTitle: 'Das hat nicht funktioniert',
  problems: {
    badRequest:
      'Die Anwendung hat eine unverständliche Anfrage gesendet. Gehen Sie zu ihr zurück und versuchen Sie es erneut.',
    unknownClient: 'Die Anwendung, die Sie hierher geschickt hat, ist nicht bekannt.',
    unknownRedirectUri:
      'Die Anwendung, die Sie hierher geschickt hat, will Sie an eine unbekannte Adresse zurückschicken.',
    staleForm:
      'Die Seite war zu lange offen, oder Ihr Browser nimmt keine Cookies an. Erlauben Sie Cookies und beginnen Sie neu.',
    overloaded: 'Der Server kann gerade nicht antworten. Versuchen Sie es in einigen Sekunden erneut.',
    failed: 'Auf dem Server ist ein Fehler aufgetreten. Versuchen Sie es später erneut.',
  },
  tryAgain: 'Neu beginnen',
  forDevelopers: 'Für Entwickler',
}

export const texts: Readonly<Record<Language, Texts>> = { en, fr, de }

/**
 * The language that fits best: of `ui_locales` (OpenID Connect Core §3.1.2.1), in the order in which it names them, then
 * of an Accept-Language header (RFC 9110 §12.5.4) by its weights.
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  const wanted = [...(uiLocales?.split(' ') ?? []), ...byWeight(acceptLanguage ?? '')]
  const known = wanted.map((tag) => languages.find((language) => language === primaryOf(tag)))
  return known.find((language) => language !== undefined) ?? languages[0]
}

function primaryOf(tag: string): string {
  return tag.split('-', 1)[0]?.toLowerCase() ?? ''
}

function byWeight(header: string): string[] {
  return header
    .slice(0, 1_000)
    .split(',')
    .map((range) => {
      const [, tag = '', weight = '1'] =
        /^\s*([A-Za-z0-9*-]+)\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*$/.exec(range) ?? []
      return { tag, weight: Number(weight) }
    })
    .filter(({ tag, weight }) => tag !== '' && weight > 0)
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ tag }) => tag)
}
