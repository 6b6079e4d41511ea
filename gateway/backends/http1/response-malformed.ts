/** The backend does not speak HTTP/1.1 as RFC 9112 demands. The reason is one short text without bytes of the answer. */
export class ResponseMalformed extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(`the backend's answer is malformed: ${reason}`)
    this.name = 'ResponseMalformed'
    this.reason = reason
  }
}
