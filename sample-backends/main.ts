import { DatabaseSync } from 'node:sqlite'
import type { ListenAddress } from '../common/listen-address.ts'
import type { Logger } from '../common/log.ts'
import { type RunningServer, startListening } from '../common/running-server.ts'
import { createOpenApp } from './open/app.ts'
import { createProgramsApp } from './programs/app.ts'
import { ProgramRepository } from './programs/program-repository.ts'
import { createSampleCatalogue } from './programs/sample-catalogue.ts'

/** How long a start waits for another process that is just filling the same file. */
const busyTimeoutMs = 5_000

/** How the programme API runs. */
export interface ProgramsSettings {
  readonly listen: ListenAddress
  /** The request header in which the gateway tells the caller's roles, such as `X-Roles`. */
  readonly rolesHeader: string
  /** A file that is made and filled when it is not there, or `:memory:`. */
  readonly database: string
  readonly now: () => Date
}

/** How the open API runs. */
export interface OpenApiSettings {
  readonly listen: ListenAddress
}

/** A database that could not be used; its message is one line for the person who started it. */
export class DatabaseError extends Error {
  constructor(file: string, reason: string) {
    super(`the programme database ${file} cannot be used: ${reason}`)
    this.name = 'DatabaseError'
  }
}

/**
 * Starts the programme API on sample data. Throws {@link DatabaseError} or `ListenError` when the file or the address
 * cannot be had.
 */
export async function startPrograms(settings: ProgramsSettings, log: Logger): Promise<RunningServer> {
  const { listen, rolesHeader, now } = settings
  const repository = openRepository(settings)
  const app = createProgramsApp({ repository, rolesHeader, now }, log)
  app.addHook('onClose', async () => repository.close())
  return announce(await startListening(app, listen, 'the sample programme API'), log)
}

/** Starts the open channel API. Throws `ListenError` when the address cannot be had. */
export async function startOpenApi(settings: OpenApiSettings, log: Logger): Promise<RunningServer> {
  return announce(await startListening(createOpenApp(log), settings.listen, 'the sample open API'), log)
}

function announce(server: RunningServer, log: Logger): RunningServer {
  log.info({ url: server.url }, 'a sample API listens')
  return server
}

function openRepository({ database: file, now }: ProgramsSettings): ProgramRepository {
  try {
    const repository = new ProgramRepository(new DatabaseSync(file, { timeout: busyTimeoutMs }))
    repository.fillWhenEmpty(() => createSampleCatalogue(now()))
    return repository
  } catch (error) {
    throw new DatabaseError(file, error instanceof Error ? error.message : String(error))
  }
}
