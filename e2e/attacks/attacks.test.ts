import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readEndpoints } from '../shop.ts'
import type { Report } from './report.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'attacks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let status: number | null, said: string, report: Report
beforeAll(async () => {
  const child = spawn(process.execPath, [join(root, 'infra/deploy/start.mjs'), 'attack', '--fast', '--report', folder], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text })
  status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  report = JSON.parse(readFileSync(join(folder, 'attacks.json'), 'utf8')) as Report
}, 900_000)

test('every attack is stopped with its control on, and one of each strategy group wins without it', () => {
  const failed = report.attacks.filter(({ outcome }) => outcome !== 'proven' && outcome !== 'not-run').map(({ id, outcome, reason }) => `${id} ${outcome}: ${reason}`)
  expect(failed, said).toEqual([])
  const whole = report.attacks.filter(({ off }) => off?.goalReached)
  expect(new Set(whole.map(({ strategies }) => strategies[0]!.split('.')[0]))).toEqual(new Set(report.attacks.filter(({ kind }) => kind === 'attack').map(({ strategies }) => strategies[0]!.split('.')[0])))
})

test('the exit status says the same as the report', () => expect(status).toBe(report.attacks.some(({ outcome }) => outcome === 'not-run') ? 3 : 0))

test('the report is as its contract says, and holds no live credential', () => {
  const ajv = new Ajv2020({ allErrors: true, strict: false })
  addFormats.default(ajv)
  const fits = ajv.compile(JSON.parse(readFileSync(join(root, 'docs/contract/attack-report.schema.json'), 'utf8')))
  expect(fits(report), JSON.stringify(fits.errors)).toBe(true)
  const text = JSON.stringify(report)
  expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+|-----BEGIN|PRIVATE KEY/)
  for (const secret of [...readEndpoints().users.map(({ password }) => password), readEndpoints().dashboard.testerToken]) expect(text).not.toContain(secret)
})

test('no control is left out when it is over', () => expect((readEndpoints() as unknown as { controlsOff: unknown[] }).controlsOff).toEqual([]))
