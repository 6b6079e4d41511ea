import { authentication } from './corpus/authentication.ts'
import { authorizations } from './corpus/authorizations.ts'
import { clientCredentials } from './corpus/client-credentials.ts'
import { codes, refreshing } from './corpus/codes-and-refreshing.ts'
import { lookUps, revocations } from './corpus/look-ups-and-revocations.ts'
import type { RequestGroup } from './corpus/request-group.ts'
import { wire } from './corpus/wire.ts'

/** Everything that is asked of both servers. */
export const corpus: readonly RequestGroup[] = [
  ...clientCredentials,
  ...authentication,
  ...codes,
  ...refreshing,
  ...lookUps,
  ...revocations,
  ...wire,
  ...authorizations,
]
