import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick (proc(5), USER_HZ). */
const microsecondsPerTick = 10_000

interface ProcessTime {
  readonly parent: number
  readonly ticks: number
}

/** Processor time so far of a process and all its descendants, their threads included, in microseconds. */
export function processorTimeUs(rootPid: number): number {
  const processes = readProcesses()
  let ticks = 0
  for (const [pid, process] of processes) {
    if (isWithin(processes, pid, rootPid)) ticks += process.ticks
  }
  return ticks * microsecondsPerTick
}

function isWithin(processes: ReadonlyMap<number, ProcessTime>, pid: number, rootPid: number): boolean {
  for (let at: number | undefined = pid; at !== undefined; at = processes.get(at)?.parent) {
    if (at === rootPid) return true
  }
  return false
}

function readProcesses(): ReadonlyMap<number, ProcessTime> {
  const processes = new Map<number, ProcessTime>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const process = readProcess(entry)
    if (process !== undefined) processes.set(Number(entry), process)
  }
  return processes
}

/** Reads /proc/PID/stat (proc(5)); `undefined` when the process has ended meanwhile. */
function readProcess(pid: string): ProcessTime | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The program's name stands in brackets and may hold anything; what follows it is separated by spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return undefined
  }
}
