/** `npm run attack`: tells the truth about a control: on → stopped and detected, off → the attacker wins, on again → stopped. */
import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { attacks, type Attack } from './attack.ts'
import { runAttacks, type Result } from './harness.ts'
import { writeReport } from './report.ts'

const HELP = `npm run attack [-- ID… | --all | --fast] [--on-only] [--report DIR]
  ID may be an attack (S2.5-a-audience), a control (check-audience) or a strategy (S2.5); none means --all
  --fast      all on phases, and one attack of each MS-SS in all phases
  --on-only   only with all controls on
  --report    where attacks.json, attacks.xml (JUnit) and attacks.sarif go (default: reports beside endpoints.json)
exit status: 0 all proven, 1 an attack won, stayed undetected or its off phase failed, 2 harness error, 3 something was not run`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean' }, fast: { type: 'boolean' }, 'on-only': { type: 'boolean' }, report: { type: 'string' }, endpoints: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
if (values.endpoints) process.env['SHOP_ENDPOINTS'] = resolve(values.endpoints)
for (const file of globSync('[0-9]*/*.ts', { cwd: import.meta.dirname }).sort()) await import(join(import.meta.dirname, file))
const { endpointsFile } = await import('../shop.ts')

const isMeant = ({ id, without, strategies }: Attack) => positionals.length === 0 || positionals.some((word) => word === id || word === without || strategies.includes(word) || id.startsWith(`${word}-`))
const chosen = attacks.filter(isMeant)
if (chosen.length === 0) {
  console.error(`no attack is named ${positionals.join(', ')}; there are ${attacks.map((a) => a.id).join(', ')}`)
  process.exit(2)
}
const startedAt = new Date()
const progress = (line: string) => console.log(line)
const { openWorld } = await import('./world.ts')
const world = await openWorld({ isFast: values.fast === true, tell: (line) => progress(`  ${line}`) })
const results: Result[] = []
if (values.fast) {
  const whole = [...Map.groupBy(chosen.filter((a) => a.without !== null), (a) => a.strategies[0]!.split('.')[0]).values()].map((group) => group.find((a) => !a.isLong) ?? group[0]!)
  results.push(...await runAttacks(whole, world, { onOnly: false, progress }), ...await runAttacks(chosen.filter((a) => !whole.includes(a)), world, { onOnly: true, progress }))
} else results.push(...await runAttacks(chosen, world, { onOnly: values['on-only'] === true, progress }))
await world.close()
const folder = values.report ?? join(endpointsFile, '../reports')
writeReport(folder, startedAt, results)

for (const { id, outcome, reason } of results) console.log(`${outcome.padEnd(10)}  ${id}${reason ? `  ${reason}` : ''}`)
const count = (...outcomes: string[]) => results.filter((r) => outcomes.includes(r.outcome)).length
console.log(`report: ${join(folder, 'attacks.json')}`)
console.log(`${count('proven')} passed, ${count('won', 'undetected', 'off-failed', 'error')} failed, ${count('not-run')} skipped`)
process.exit(count('won', 'undetected', 'off-failed') ? 1 : count('error') ? 2 : count('not-run') ? 3 : 0)
