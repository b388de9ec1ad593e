/** How long a warm start takes and what the default system weighs. */
import { cpus, loadavg } from 'node:os'
import { spread } from './ratios.ts'
import { command } from './system.ts'

const RUNS = 5

export async function start(): Promise<object> {
  const seconds: number[] = [], megabytes: number[] = []
  const load = loadavg()[0]!
  await command('up') // the first one makes data, keys and code caches
  await command('down')
  for (let run = 1; run <= RUNS; run++) {
    const out = await command('up')
    const [, took, memory] = /up after ([\d.]+) s: \d+ processes, (\d+) MB/.exec(out) ?? []
    if (!took) throw new Error(`no figures in what 'up' printed:\n${out.slice(-500)}`)
    seconds.push(Number(took))
    megabytes.push(Number(memory))
    await command('down')
    console.log(`start ${run}/${RUNS}: ${took} s, ${memory} MB`)
  }
  const result = { runs: RUNS, cores: cpus().length, loadBefore: Number(load.toFixed(2)), seconds: spread(seconds), memoryMb: spread(megabytes) }
  console.log(`warm start: median ${result.seconds.median} s (${result.seconds.min}–${result.seconds.max}), memory median ${result.memoryMb.median} MB (${result.memoryMb.min}–${result.memoryMb.max}), ${result.cores} cores, load ${result.loadBefore} before`)
  return result
}
