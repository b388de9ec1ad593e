/** `npm run bench [-- NAME…]`: measured side by side on this machine, reported, never asserted. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endpointsFolder } from './place.ts'
import { start } from './start.ts'

const benches: Record<string, () => Promise<object>> = { start }

const names = process.argv.slice(2)
if (names.includes('--help') || names.some((name) => !benches[name])) {
  console.log(`npm run bench [-- NAME…]\n  start   five warm starts of a system of its own: seconds until ready, memory (sum of PSS)`)
  process.exit(names.includes('--help') ? 0 : 2)
}
const results: Record<string, object> = {}
for (const name of names.length ? names : Object.keys(benches)) results[name] = await benches[name]!()
const folder = join(endpointsFolder, 'reports')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'bench.json'), `${JSON.stringify({ at: new Date().toISOString(), results }, null, 2)}\n`)
console.log(`report: ${join(folder, 'bench.json')}`)
