import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enrol } from '@shop/chassis/identity.ts'
import type { Enrolment, Names } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { repo, shopDirOf } from '../checkout.ts'
import type { Grant } from '../../backing/grants.ts'
import type { Parsed } from '../commands.ts'
import { askRunner } from '../control.ts'
import type { LabInstance } from '../lab-instances.ts'
import { liveRunner } from '../orphans.ts'
import type { Status } from '../status.ts'

/** A row of infra/lab/controls.ts: `processes` are names, workloads, kinds or 'order service'; `entry` stands below infra/lab; or a right that is lent in a store. */
type Place = { processes: string[]; entry: string }
export type Control = { name: string; strategies: string[]; places: (Place | Grant)[] }

export async function lab({ positionals: [action, ...rest] }: Parsed): Promise<number> {
  if (process.env.NODE_ENV === 'production') throw new Error('The lab is refused in production.')
  if (action === 'list') return list()
  const live = liveRunner(shopDirOf(process.env))
  if (!live) throw new Error('Nothing runs. Start it with npm start.')
  if (action === 'as') return runAs(live.control, rest)
  if (action === 'off' || action === 'on') return turn(live.control, action, rest)
  if (action === 'deploy') return deploy(live.control, rest)
  if (action === 'recall') return recall(live.control, rest)
  throw new Error(`lab ${action ?? ''}: allowed are off CONTROL, on CONTROL, on --all, list, as NAME CMD…, deploy SERVICE HOST:PORT…, recall ID…`)
}

async function readControls(): Promise<Control[]> {
  const path = join(repo, 'infra/lab/controls.ts')
  return existsSync(path) ? ((await import(path)) as { controls: Control[] }).controls : []
}

const deployedLine = ({ id, address, until }: LabInstance) => `${id} is DEPLOYED at ${address} until ${until}\n`

async function list(): Promise<number> {
  const live = liveRunner(shopDirOf(process.env))
  const { controlsOff: off, labInstances } = live ? await askRunner<Status>(live.control, 'GET', '/status') : { controlsOff: [], labInstances: [] }
  for (const { name, strategies } of await readControls()) {
    const now = off.find(({ control }) => control === name)
    process.stdout.write(`${name.padEnd(28)}${strategies.join(', ').padEnd(18)}${now ? `OFF until ${now.until}` : 'on'}\n`)
  }
  process.stdout.write(labInstances.map(deployedLine).join(''))
  return 0
}

/** Off or on in every process that has the control; a strategy's id stands for its control when it has one. */
async function turn(socket: string, action: 'off' | 'on', args: string[]): Promise<number> {
  const [name] = args
  const status = await askRunner<Status>(socket, 'GET', '/status')
  const controls = await readControls()
  const chosen = name === '--all' && action === 'on' ? controls : controls.filter((control) => control.name === name || control.strategies.includes(name ?? ''))
  if (chosen.length === 0 || (chosen.length > 1 && name !== '--all')) throw new Error(`lab ${action} ${name ?? ''}: ${chosen.length > 1 ? `that is several controls (${chosen.map((control) => control.name).join(', ')}); name one` : `there is no such control. There are: ${controls.map((control) => control.name).join(', ')}`}`)
  const seconds = args[1] === '--for' ? parseDuration(args[2]) : undefined
  const holders = ({ processes }: Place) => status.processes.filter((one) => [one.name, one.kind, one.service ?? one.name, `${one.service} ${one.kind}`].some((word) => processes.includes(word)))
  /** What is asked of the runner: the path, and the place that it is about. */
  const asked = (place: Place | Grant): [string, object][] => 'store' in place ? [['/grant', place]] : holders(place).map(({ name: process }) => ['/variant', { process, entry: place.entry }])
  await Promise.all(chosen.flatMap(({ name: leftOut, strategies, places }) => places.flatMap(asked).map(([path, place]) => action === 'off'
    ? askRunner(socket, 'POST', path, { ...place, leftOut, strategies, ...(seconds && { seconds }) })
    : askRunner(socket, 'POST', `${path}/back`, { ...place, leftOut }))))
  if (name === '--all') await askRunner(socket, 'POST', '/instance/back', {})
  const { controlsOff, labInstances } = await askRunner<Status>(socket, 'GET', '/status')
  process.stdout.write(`${controlsOff.length === 0 ? 'All controls are on.\n' : controlsOff.map(({ control, until }) => `${control} is OFF until ${until}\n`).join('')}${labInstances.map(deployedLine).join('')}`)
  return 0
}

/** Tells the registrar of instances that are not the shop's; prints their ids. They go after a minute at the latest. */
async function deploy(socket: string, [service, ...addresses]: string[]): Promise<number> {
  for (const address of addresses) {
    const [host, port] = address.split(':')
    const { id } = await askRunner<{ id: string }>(socket, 'POST', '/instance', { service, host, port: Number(port) })
    process.stdout.write(`${id}\n`)
  }
  return 0
}

async function recall(socket: string, ids: string[]): Promise<number> {
  for (const id of ids) await askRunner(socket, 'POST', '/instance/back', { id })
  return 0
}

/** '90s', '30m', '2h' in seconds. */
export function parseDuration(text = ''): number {
  const [, count, unit] = text.match(/^(\d+)([smh])$/) ?? []
  if (!count) throw new Error(`--for ${text}: allowed is a number with s, m or h, as in 30m, at most 120m`)
  return Number(count) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h']
}

type Held = { enrolment: Enrolment; names: Names; process: string; workload: string; places: Record<string, unknown> }

/** Runs a command with what a compromised service's micro-gateway would hold, in a folder that SHOP_HELD names and that goes with it. */
async function runAs(socket: string, [workload, ...command]: string[]): Promise<number> {
  if (!workload || command.length === 0) throw new Error('lab as NAME CMD…: name a service and a command')
  const { places, ...launch } = await askRunner<Held>(socket, 'POST', '/hold', { workload })
  const identity = await enrol(launch, createLog(launch.process))
  const { key, certificate, spiffeId } = identity.mesh()
  const data = launch.enrolment.certificates.includes('data') ? identity.data() : undefined
  const folder = mkdtempSync(join(tmpdir(), 'shop-held-'))
  try {
    for (const [name, content] of [['key.pem', key], ['certificate.pem', certificate], ['roots.pem', identity.roots], ...(data ? [['data-key.pem', data.key], ['data-certificate.pem', data.certificate]] as const : []), ['places.json', JSON.stringify({ spiffeId, ...places }, null, 2)]] as const)
      writeFileSync(join(folder, name), content, { mode: 0o600 })
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(command[0] as string, command.slice(1), { stdio: 'inherit', env: { ...process.env, SHOP_HELD: folder } })
      child.once('error', reject).once('exit', (code) => resolve(code ?? 1))
    })
  } finally {
    identity.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
