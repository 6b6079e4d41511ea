import type { ResponseHead } from './response-parser.ts'

/** Hold on an answer under way. */
export interface AnswerControl {
  /** Takes no more of the answer from the backend; what it has sent already may still come. */
  pause(): void
  resume(): void
  /** Ends the request, and the connection with it. The handler hears nothing more. */
  abort(): void
}

/** Hears of one answer: a head, parts of a body and the end; or a failure, wherever it stands. */
export interface AnswerHandler {
  onHead(head: ResponseHead, control: AnswerControl): void
  /** `bytes` are overwritten once this returns. */
  onBody(bytes: Buffer, control: AnswerControl): void
  onEnd(): void
  onError(error: Error): void
}
