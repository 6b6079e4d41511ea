import { execFileSync } from 'node:child_process'
import { runMeasurements } from '../run-measurements.ts'
import { cores } from '../stage.ts'
import { measureFirstCall } from './first-call.ts'
import { measureGarbageStorm } from './garbage-storm.ts'
import { measureHotPath } from './hot-path.ts'
import { measureMemory } from './memory.ts'
import { measureRevocationLatency } from './revocation-latency.ts'
import { measureScriptCalls } from './script-calls.ts'

/** The clients are in this process: it stays off the core of the gateways. */
function leaveCoreToGateways(): void {
  execFileSync('taskset', ['-acp', String(cores.others), String(process.pid)], { stdio: 'ignore' })
}

await runMeasurements({
  command: 'bench:fleet',
  measurements: {
    'hot-path': measureHotPath,
    memory: measureMemory,
    'script-calls': measureScriptCalls,
    'revocation-latency': measureRevocationLatency,
    'first-call': measureFirstCall,
    'garbage-storm': measureGarbageStorm,
  },
  needs: ['redis-server', 'util-linux'],
  prepare: leaveCoreToGateways,
})
