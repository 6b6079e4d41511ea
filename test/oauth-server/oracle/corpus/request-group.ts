/*
 * What is asked of both servers. A name in braces stands for a client's id or secret, or for what `../fixtures.ts` makes anew
 * for each request: {code} is a code of the client `web` that nobody has used yet.
 */

/** Requests that have all but their parameters in common. */
export interface RequestGroup {
  readonly to: '/oauth/token' | '/oauth/authorize' | '/oauth/introspect' | '/oauth/revoke'
  /** `POST` where nothing is said. */
  readonly method?: string
  /** Credentials for HTTP Basic, not yet encoded. */
  readonly basic?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The body's type; that of forms where nothing is said, none where it is empty. */
  readonly contentType?: string
  /** By a name of their own the parameters as they are on the wire: in the query of a GET, else in the body. */
  readonly requests: Readonly<Record<string, string>>
}
