import { gatewayCommand } from '../../cli/gateway.ts'

// What `passerelle gateway --config FILE` runs, and nothing else.
await gatewayCommand().parseAsync()
