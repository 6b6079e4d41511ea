import { gatewayCommand } from '../../cli/gateway.ts'

// What `passerelle gateway --config FILE` runs; and on a signal it collects its garbage, so that what is left in memory
// can be told from what merely has not been collected yet.
process.on('SIGUSR2', () => globalThis.gc?.())
await gatewayCommand().parseAsync()
