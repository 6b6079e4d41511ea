import { type Content, Html, html } from './html.ts'
import { style } from './style.ts'
import { type Language, type Problem, texts } from './texts.ts'

/** A form of a page: where it goes, and what says that it comes from here. */
export interface FormTarget {
  readonly action: string
  /** Proves that the page was made for this browser and this request. */
  readonly token: string
}

/** Why signing in did not work. */
export type SignInFault =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'limited'; readonly minutes: number }

export interface SignInPage {
  readonly language: Language
  readonly clientName: string
  readonly form: FormTarget
  /** What is in the field already. */
  readonly username: string
  readonly fault?: SignInFault
}

/** Asks for a username and a password. */
export function signInPage({ language, clientName, form, username, fault }: SignInPage): string {
  const text = texts[language]
  const message = fault && faultText(fault, language)
  const title = message === undefined ? text.signIn : `${text.error}: ${text.signIn}`
  // The field that is to be filled next has the focus, unless there is an error to be read first.
  const focus = (isNext: boolean) => (isNext && message === undefined ? html` autofocus` : undefined)
  return page(
    { language, title, heading: text.signIn },
    html`${message && alert(message)}
<p>${text.signInTo(clientName)}</p>
<form method="post" action="${form.action}">
${tokenField(form)}
<label for="username">${text.username}</label>
<input id="username" name="username" value="${username}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" required${focus(username === '')}>
<label for="password">${text.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="400" required${focus(username !== '')}>
<button name="decision" value="sign-in">${text.signIn}</button>
<button name="decision" value="cancel" class="plain" formnovalidate>${text.cancel}</button>
</form>`,
  )
}

export interface ConsentPage {
  readonly language: Language
  readonly clientName: string
  readonly userName: string
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  /** Where the browser is sent back to, as people can read it. */
  readonly place: string
  readonly form: FormTarget
  readonly signOut: FormTarget
}

/** Asks whether a client may act for the user. */
export function consentPage(asked: ConsentPage): string {
  const text = texts[asked.language]
  const title = text.consentTitle(asked.clientName)
  return page(
    { language: asked.language, title, heading: title },
    html`<p>${text.signedInAs(asked.userName)}</p>
${section('scope', text.mayDo, asked.scope)}
${asked.resources.length === 0 ? undefined : section('resources', text.mayReach, asked.resources)}
<p>${text.sendsTo(asked.place)}</p>
<form method="post" action="${asked.form.action}">
${tokenField(asked.form)}
<button name="decision" value="allow">${text.allow}</button>
<button name="decision" value="deny" class="plain">${text.deny}</button>
</form>
<form method="post" action="${asked.signOut.action}">
${tokenField(asked.signOut)}
<button class="plain">${text.otherUser}</button>
</form>`,
  )
}

/** Asks whether to sign out; signing out by a link would let any page do it. */
export function signOutPage(language: Language, form: FormTarget): string {
  const text = texts[language]
  return page(
    { language, title: text.signOut, heading: text.signOut },
    html`<p>${text.signOutQuestion}</p>
<form method="post" action="${form.action}">
${tokenField(form)}
<button>${text.signOut}</button>
</form>`,
  )
}

export function signedOutPage(language: Language): string {
  const text = texts[language]
  return page(
    { language, title: text.signOut, heading: text.signOut },
    html`<p role="status">${text.signedOut}</p>`,
  )
}

export interface ProblemPage {
  readonly language: Language
  readonly problem: Problem
  /** For whoever made the client: an error code and a sentence in English. */
  readonly detail: string
  /** Where to begin again, if that can help. */
  readonly again: string | undefined
}

/** Says what is wrong, where the client cannot be told. */
export function problemPage({ language, problem, detail, again }: ProblemPage): string {
  const text = texts[language]
  return page(
    { language, title: text.problemTitle, heading: text.problemTitle },
    html`<div role="alert"><p>${text.problems[problem]}</p></div>
${again && html`<p><a href="${again}">${text.tryAgain}</a></p>`}
<footer>${text.forDevelopers} – <span lang="en">${detail}</span></footer>`,
  )
}

interface PageHead {
  readonly language: Language
  readonly title: string
  readonly heading: string
}

function page({ language, title, heading }: PageHead, content: Content): string {
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<h1>${heading}</h1>
${content}
</main>
</body>
</html>
`.text
}

/** As it is: the policy names its hash. */
const styleSheet = new Html(style)

function alert(message: string): Html {
  return html`<div role="alert" id="fault" tabindex="-1" autofocus><p><a href="#username">${message}</a></p></div>`
}

function faultText(fault: SignInFault, language: Language): string {
  const text = texts[language]
  if (fault.kind === 'limited') return text.limited(fault.minutes)
  return fault.kind === 'missing' ? text.missing : text.wrong
}

function tokenField({ token }: FormTarget): Html {
  return html`<input type="hidden" name="form_token" value="${token}">`
}

/** A list under a heading of its own, to which a screen reader can jump. */
function section(id: string, heading: string, items: readonly string[]): Html {
  return html`<h2 id="${id}">${heading}</h2>
<ul aria-labelledby="${id}">${items.map((item) => html`<li><code>${item}</code></li>`)}</ul>`
}
