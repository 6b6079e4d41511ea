import { Command, Option } from 'commander'
import { KeyCipher } from '../oauth-server/keys/key-cipher.ts'
import { findKeyEncryptionKey } from '../oauth-server/keys/key-encryption-key.ts'
import { KeyRegistry, type ListedKey } from '../oauth-server/keys/key-registry.ts'
import { KeyEncryptionKeyMissing } from '../oauth-server/keys/signing-keys.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../oauth-server/store/signing-key-repository.ts'
import { commandLine } from './command-line-actor.ts'
import {
  printJson,
  type StoreOptions,
  settingsOf,
  withExistingStore,
  withStoreOptions,
} from './store-options.ts'

interface RotateOptions extends StoreOptions {
  readonly algorithm?: SigningAlgorithm
  readonly immediately?: boolean
}

/** `passerelle keys …`: the keys that sign JWT access tokens; servers that run hear of a change within ten seconds. */
export function keysCommand(): Command {
  return new Command('keys')
    .description('list and rotate the keys that sign JWT access tokens')
    .addCommand(listCommand())
    .addCommand(rotateCommand())
}

function listCommand(): Command {
  return withStoreOptions(new Command('list'))
    .description('list the published keys, oldest first')
    .action(async (options: StoreOptions) => {
      const keys = await withExistingStore(settingsOf(options), (db) => new KeyRegistry(db, Date.now).list())
      if (options.json) printJson(keys.map(toJson))
      else for (const key of keys) console.log(summarize(key))
    })
}

function rotateCommand(): Command {
  return withStoreOptions(new Command('rotate'))
    .description('publish a new key, which signs 15 minutes later; the old one stays while its tokens live')
    .addOption(
      new Option('--algorithm <name>', 'of the new key (default: the option signingAlgorithm)').choices(
        signingAlgorithms,
      ),
    )
    .option(
      '--immediately',
      'for a key in wrong hands: withdraw every key now, and with them the JWTs that they signed',
    )
    .action(async (options: RotateOptions) => {
      const settings = settingsOf(options)
      const key = await withExistingStore(settings, (db) => {
        const encryptionKey = findKeyEncryptionKey(settings)
        if (encryptionKey === undefined) throw new KeyEncryptionKeyMissing()
        const rotation = {
          algorithm: options.algorithm ?? settings.signingAlgorithm,
          immediately: options.immediately ?? false,
        }
        return new KeyRegistry(db, Date.now).rotate(rotation, new KeyCipher(encryptionKey), commandLine())
      })
      if (options.json) printJson(toJson(key))
      else console.log(summarize(key))
    })
}

function toJson(key: ListedKey): Record<string, unknown> {
  return {
    kid: key.kid,
    alg: key.algorithm,
    state: key.state,
    created_at: new Date(key.createdAt).toISOString(),
    signs_from: new Date(key.signsFrom).toISOString(),
  }
}

function summarize({ kid, algorithm, state, signsFrom }: ListedKey): string {
  return [kid, algorithm, state, `signs from ${new Date(signsFrom).toISOString()}`].join('\t')
}
