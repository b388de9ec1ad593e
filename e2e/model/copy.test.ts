import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** One model, derived everything: a copy of the tree with another name and one more service comes up as both say. */

const root = join(import.meta.dirname, '../..')
const copy = mkdtempSync(join(tmpdir(), 'shop-copy-'))
const environment = () => ({ ...process.env, SHOP_DIR: join(copy, '.shop'), SHOP_ENDPOINTS: '', CI: 'true' })

/** The copy shares installed packages and fetched parts with this checkout; its own workspaces are its own. */
function copyTree(): void {
  const files = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' }).stdout.split('\0').filter((file) => file && existsSync(join(root, file)))
  for (const file of files) cpSync(join(root, file), join(copy, file))
  mkdirSync(join(copy, 'node_modules/@shop'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) if (name !== '@shop') symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  for (const name of readdirSync(join(root, 'node_modules/@shop'))) symlinkSync(readlinkSync(join(root, 'node_modules/@shop', name)), join(copy, 'node_modules/@shop', name))
  for (const shopDir of [process.env['SHOP_DIR'], join(root, '.shop')])
    if (shopDir && existsSync(join(shopDir, 'cache')) && !existsSync(join(copy, '.shop/cache'))) {
      mkdirSync(join(copy, '.shop'))
      cpSync(join(shopDir, 'cache'), join(copy, '.shop/cache'), { recursive: true, verbatimSymlinks: true })
    }
}

/** A service is a folder and a line. */
function addService(): void {
  const folder = join(copy, 'services/toy')
  mkdirSync(join(folder, 'migrations'), { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  write('package.json', JSON.stringify({ name: '@shop/toy', version: '0.1.0', private: true, type: 'module', exports: { './*': './*' }, dependencies: { '@shop/chassis': '0.1.0', zod: '4.6.7' } }))
  write('service.ts', `import type { Service } from '@shop/chassis/service.ts'
export const toy: Service = { name: 'toy', publishes: ['toy.made'], subscribes: ['order.completed'], callers: { edge: ['countToys'] }, limits: { memoryMb: 128, cpu: 0.25 } }\n`)
  write('openapi.yaml', `openapi: 3.1.0
info: { title: Toy, version: 1.0.0 }
paths:
  /toys:
    get:
      operationId: countToys
      x-subjects: [guest, user]
      responses:
        '200': { description: How many, content: { application/json: { schema: { type: object, additionalProperties: false, properties: { count: { type: integer } } } } } }\n`)
  write('policy.cedar', `@id("everyone-counts-toys")\npermit (principal, action == Action::"toy.countToys", resource);\n`)
  write('migrations/0001_toys.sql', '-- Up Migration\ncreate table toys (id int primary key);\n-- Down Migration\ndrop table toys;\n')
  write('main.ts', `import { z } from 'zod'
import { serviceConfig, startService } from '@shop/chassis/start-service.ts'
import { ok } from '@shop/chassis/server.ts'
import { toy } from './service.ts'
await startService({ service: toy, config: z.strictObject(serviceConfig), openApi: new URL('./openapi.yaml', import.meta.url), build: ({ store }) => ({
  routes: { countToys: async () => ok({ count: (await store.query('select 1 from toys')).rowCount }) }, events: { 'order.completed': async () => {} } }) })\n`)
  symlinkSync('../../services/toy', join(copy, 'node_modules/@shop/toy'))
  edit((text) => text.replace(`import type { Service }`, `import { toy } from '@shop/toy/service.ts'\nimport type { Service }`).replace(/services: \[([^\]]+)\]/, 'services: [$1, toy]'))
}

function edit(change: (text: string) => string): void {
  const file = join(copy, 'infra/deploy/system.ts')
  const before = readFileSync(file, 'utf8')
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(file, after)
}

function run(...args: string[]): Promise<{ status: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(copy, 'infra/deploy/start.mjs'), ...args], { cwd: copy, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { out += text })
    child.on('close', (status) => resolve({ status, out }))
  })
}

let old: { brand: string; trustDomain: string; cookiePrefix: string }
beforeAll(async () => {
  copyTree()
  const text = readFileSync(join(root, 'infra/deploy/system.ts'), 'utf8')
  const value = (name: string) => new RegExp(`${name}: '([^']+)'`).exec(text)![1]!
  old = { brand: value('brand'), trustDomain: value('trustDomain'), cookiePrefix: value('cookiePrefix') }
  edit((t) => t.replace(`'${old.brand}'`, `'Quay & Co'`).replace(`'${old.trustDomain}'`, `'quay.example'`).replace(`'${old.cookiePrefix}'`, `'quay'`))
  addService()
  const up = await run('up')
  expect(up.status, up.out).toBe(0)
}, 240_000)
afterAll(async () => {
  await run('down')
  rmSync(copy, { recursive: true, force: true })
}, 60_000)

test('A11 a new service runs, is registered and is healthy from a folder and a line', async () => {
  const { status, out } = await run('status', '--json')
  expect(status, out).toBe(0)
  const { processes } = JSON.parse(out.slice(out.indexOf('{'))) as { processes: { name: string; state: string }[] }
  expect(processes.filter((p) => p.name.startsWith('toy-')).map((p) => p.name).sort()).toEqual(['toy-1', 'toy-1-gateway'])
})

test('a renamed product shows no trace of its old name', async () => {
  const traces = Object.values(old)
  const endpoints = readFileSync(join(copy, '.shop/endpoints.json'), 'utf8')
  const { web, ca, identity } = JSON.parse(endpoints) as { web: { url: string }; ca: string; identity: { issuer: string } }
  const dispatcher = new Agent({ connect: { ca: readFileSync(ca, 'utf8') } })
  const shown: [string, string][] = [['endpoints.json', endpoints]]
  for (const path of ['/', '/cart', '/search?q=cup', '/api/session', '/api/products', '/openapi.json', '/nothing'].map((p) => new URL(p, web.url).href).concat(new URL('/.well-known/openid-configuration', identity.issuer).href)) {
    const answer = await fetch(path, { dispatcher })
    shown.push([path, `${[...answer.headers].join('\n')}\n${await answer.text()}`])
  }
  await dispatcher.close()
  for (const file of globSync('{logs,trust,doors}/**/*', { cwd: join(copy, '.shop') })) {
    const path = join(copy, '.shop', file)
    if (lstatSync(path).isFile()) shown.push([file, readFileSync(path, 'latin1')])
  }
  expect(shown.length).toBeGreaterThan(20)
  const found = shown.flatMap(([where, text]) => traces.filter((trace) => text.toLowerCase().includes(trace.toLowerCase())).map((trace) => `${where}: ${trace}`))
  expect(found).toEqual([])
  expect(shown.find(([where]) => where === new URL('/', web.url).href)![1]).toContain('Quay')
})
