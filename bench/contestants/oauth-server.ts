import { oauthServerCommand } from '../../cli/oauth-server.ts'

// What `passerelle oauth-server --config FILE` runs, and nothing else.
await oauthServerCommand().parseAsync()
