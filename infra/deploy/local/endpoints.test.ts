import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { system } from '../system.ts'
import { describeEndpoints, type EndpointsInput } from './endpoints.ts'
import { planProcesses } from './plan.ts'

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
const isValid = ajv.compile(JSON.parse(readFileSync(new URL('../../../docs/contract/endpoints.schema.json', import.meta.url), 'utf8')))

const input = (trustDomain = system.trustDomain): EndpointsInput => {
  const plan = planProcesses(system, 22_000)
  return {
    system: { ...system, trustDomain }, plan, startedAt: new Date(0), secret: (name) => `secret of ${name}`, file: (path) => `/shop/${path}`, socket: (server, client) => `/run/shop/${server}-${client}/s`,
    running: plan.processes.map((one, index) => ({ one, pid: 100 + index, uid: one.uid })), runner: { pid: 99, uid: 0, socket: '/run/shop/control' }, controlsOff: [],
  }
}

describe('endpoints.json', () => {
  test('is valid, with and without controls left out', () => {
    for (const controlsOff of [[], [{ control: 'detect-replay', strategies: ['S8.3'], until: new Date(0).toISOString() }]]) {
      expect(isValid(describeEndpoints({ ...input(), controlsOff })), ajv.errorsText(isValid.errors)).toBe(true)
    }
  })

  test('lists every process, the runner among them', () => {
    const { processes } = describeEndpoints(input()) as { processes: { name: string; kind: string }[] }
    expect(processes.map(({ name }) => name)).toEqual(['runner', ...input().plan.processes.map(({ name }) => name)])
  })

  test('the provider is another site than the shop', () => {
    const { web, psp } = describeEndpoints(input()) as { web: { url: string }; psp: { url: string } }
    expect([new URL(web.url).hostname, new URL(psp.url).hostname]).toEqual(['localhost', '127.0.0.1'])
  })

  test('another trust domain leaves no trace of this one', () => expect(JSON.stringify(describeEndpoints(input('bazaar.test')))).not.toContain(system.trustDomain))
})
