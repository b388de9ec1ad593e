import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { serviceConfig } from '@shop/chassis/start-service.ts'
import { system } from '../system.ts'
import { repo } from './checkout.ts'
import { describeLaunch, originOf, type Material } from './launch-documents.ts'
import { LIFETIMES, planProcesses } from './plan.ts'

const plan = planProcesses(system, 22_000, { order: 2 })
const pem = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`
const pair = (name: string) => ({ certificate: pem(name), key: `key of ${name}` })
const material = (instead: Partial<Material> = {}): Material => ({
  system, plan, lifetimes: LIFETIMES, softhsm: '/lib/libsofthsm2.so', doorsFolder: '/shop/state/doors', secret: (name) => `secret-of-${name}`.padEnd(43, '.'), socket: (server, client) => `/run/shop/${server}-${client}/s`,
  stateFolder: ({ name }) => `/shop/state/${name}`, roots: { mesh: pem('mesh'), doors: pem('doors'), consul: pem('consul'), partners: pem('partners'), users: pem('users') },
  door: pair, consulClient: pair, ...instead,
})

describe.each(plan.processes.filter(({ entry }) => entry).map((one) => [one.name, one] as const))('%s', (_, one) => {
  test('is told what its own config.ts accepts', async () => {
    const path = join(repo, one.entry as string, '../config.ts')
    const schema: z.ZodType = existsSync(path) ? (await import(path)).configSchema : z.strictObject(serviceConfig)
    const { config, secrets = {} } = describeLaunch(one, material())
    expect(schema.safeParse(config).error?.message).toBeUndefined()
    for (const value of Object.values(secrets)) expect(JSON.stringify(config)).not.toContain(value) // a secret is never configuration
  })
})

test('only the two ends of a socket are told its path (S2.6)', () => {
  const told = new Map<string, string[]>()
  for (const one of plan.processes.filter(({ entry }) => entry)) describeLaunch(one, material({ socket: (server, client) => {
    const path = `${server}-${client}`
    told.set(path, [...(told.get(path) ?? []), one.name])
    return path
  } }))
  for (const [path, names] of told) for (const name of names) expect(path.startsWith(`${name}-`) || path.endsWith(`-${name}`), `${name} is told ${path}`).toBe(true)
})

test('a service shares secrets only with the outside parties that its service.ts declares', () => {
  for (const one of plan.processes.filter(({ kind }) => kind === 'service'))
    expect(Object.keys(describeLaunch(one, material()).secrets ?? {})).toEqual(system.services.find(({ name }) => name === one.workload)?.external ? ['pspKey', 'webhookSecret'] : [])
})

test('every registry token is held by one workload (S7.1)', () => {
  const holders = plan.processes.filter(({ entry }) => entry).map((one) => [one.workload, describeLaunch(one, material()).secrets?.consulToken] as const).filter(([, token]) => token)
  for (const [workload, token] of holders) expect(token).toContain(workload)
})

test('doors have names that browsers trust; the provider is another site', () => {
  expect(originOf(plan, 'edge', 'web')).toBe('https://localhost:22000')
  expect(originOf(plan, 'psp', 'door')).toMatch(/^https:\/\/127\.0\.0\.1:/)
  expect(() => originOf(plan, 'edge', 'telnet')).toThrow("no port 'telnet'")
})
