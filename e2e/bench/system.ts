/** The bench's own system: brought up by the product's commands in a folder of its own, so that a running one is not touched. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endpointsFolder } from './place.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(endpointsFolder, 'bench')

/** Runs `npm run NAME -- ARGS` on it. Resolves with what the command printed. */
export function command(name: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'infra/deploy/start.mjs'), name, ...args], { cwd: root, env: { ...process.env, SHOP_DIR: folder, SHOP_PORT: '', CI: 'true' }, stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
    child.on('error', reject).on('close', (status) => (status === 0 ? resolve(out) : reject(new Error(`${name} ended with ${status}\n${out.slice(-2_000)}`))))
  })
}

export type Endpoints = {
  ca: string
  web: { url: string }
  dashboard: { url: string; testerToken: string }
  infrastructure: { postgres: { host: string; port: number } }
  processes: { name: string; kind: string; service?: string; pid: number }[]
}
export const readEndpoints = (): Endpoints => JSON.parse(readFileSync(join(folder, 'endpoints.json'), 'utf8')) as Endpoints

/** What the bare programs show and believe: the catalog's own certificates, so that their TLS costs what the system's does. */
export type Held = { key: string; certificate: string; roots: string; dataKey: string; dataCertificate: string; trustDomain: string }

const PRINT = `const at = (name) => require('node:fs').readFileSync(process.env.SHOP_HELD + '/' + name, 'utf8')
process.stdout.write('HELD' + JSON.stringify({ key: at('key.pem'), certificate: at('certificate.pem'), roots: at('roots.pem'), dataKey: at('data-key.pem'), dataCertificate: at('data-certificate.pem'), trustDomain: JSON.parse(at('places.json')).trustDomain }))`

export async function holdCatalog(): Promise<Held> {
  const printed = await command('lab', 'as', 'catalog', process.execPath, '-e', PRINT)
  return JSON.parse(printed.slice(printed.indexOf('HELD') + 4)) as Held
}
