/** How long a warm start takes and what the default system weighs. */
import { spawn } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { endpointsFolder } from './place.ts'

const RUNS = 5
const root = join(import.meta.dirname, '../..')

export type Spread = { min: number; median: number; max: number }
export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, max: sorted.at(-1)! }
}

/** Resolves with what the command printed. The system has its own folder: a running one is not touched. */
function command(name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'infra/deploy/start.mjs'), name], { cwd: root, env: { ...process.env, SHOP_DIR: join(endpointsFolder, 'bench'), SHOP_PORT: '', CI: 'true' }, stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
    child.on('error', reject).on('close', (status) => (status === 0 ? resolve(out) : reject(new Error(`${name} ended with ${status}\n${out.slice(-2_000)}`))))
  })
}

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
