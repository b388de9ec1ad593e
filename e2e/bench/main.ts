/** `npm run bench [-- NAME…]`: measured side by side on this machine, reported, never asserted; only a wrong answer fails it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endChildren } from './children.ts'
import { comparePairs, pairs, TRACING } from './compared.ts'
import { endpointsFolder } from './place.ts'
import { start } from './start.ts'
import { command } from './system.ts'
import { tableOf } from './table.ts'

const FULL = { rounds: 15, slice: 4_000, warmUp: 10_000, sessions: 1_000 }
const QUICK = { rounds: 4, slice: 1_000, warmUp: 2_000, sessions: 200 }

const compared = [...Object.keys(pairs), TRACING]
const help = `npm run bench [-- NAME… --quick --keep]
${Object.entries(pairs).map(([name, { says }]) => `  ${name.padEnd(16)}${says}`).join('\n')}
  ${TRACING.padEnd(16)}CPU: spans for one request in ten ÷ for none
  ${'start'.padEnd(16)}five warm starts of a system of its own: seconds until ready, memory (sum of PSS)

  --quick         ${QUICK.rounds} rounds in place of ${FULL.rounds}, smaller slices: for development, no figures to keep
  --keep          leaves the bench's system up for the next run

What is measured and how: docs/performance.md.`

const { values: { quick, keep, help: isHelp }, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' }, keep: { type: 'boolean' }, help: { type: 'boolean' } } })
const unknown = positionals.filter((name) => name !== 'start' && !compared.includes(name))
if (isHelp || unknown.length) {
  console.log(unknown.length ? `There is no bench ${unknown.join(', ')}.\n\n${help}` : help)
  process.exit(isHelp ? 0 : 2)
}
const names = positionals.length ? positionals : ['start', ...compared]
const chosen = names.filter((name) => name !== 'start')
if (chosen.length && process.platform !== 'linux') throw new Error('CPU per request is read from /proc, which only Linux has; start can be measured here')

// What is not ours does not notice that we are gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { endChildren(); process.exit(130) })

const began = performance.now()
const load = loadavg()
const results: Record<string, unknown> = {}
try {
  if (names.includes('start')) results['start'] = await start()
  if (chosen.length) {
    await command('up')
    const { rows, notes } = await comparePairs(chosen, quick ? QUICK : FULL)
    for (const { name, ...row } of rows) results[name] = row
    console.log(`\n${tableOf(rows)}\n${notes.map((note) => `\n${note}`).join('')}`)
  }
} finally {
  endChildren()
  if (chosen.length && !keep) await command('down')
}
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), loadBefore: load, loadAfter: loadavg() }
const report = join(endpointsFolder, 'reports', 'bench.json')
mkdirSync(join(report, '..'), { recursive: true })
writeFileSync(report, `${JSON.stringify({ at: new Date().toISOString(), seconds: Math.round((performance.now() - began) / 1_000), size: quick ? QUICK : FULL, machine, versions: process.versions, results }, null, 2)}\n`)
console.log(`${machine.cores} × ${machine.cpu}, load ${load.map((value) => value.toFixed(1)).join(' ')} before, ${machine.loadAfter.map((value) => value.toFixed(1)).join(' ')} after, Node ${process.versions.node}; report: ${report}`)
