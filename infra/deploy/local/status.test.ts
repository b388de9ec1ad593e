import { expect, test } from 'vitest'
import { printStatus, type Status } from './status.ts'

const status: Status = { phase: 'ready', startedAt: '2026-01-01T00:00:00.000Z', isHealthy: true, processes: [], absent: [], losses: [], controlsOff: [], labInstances: [] }

test('T7 a control that the lab left out stands first, with the time that is left and the way back', () => {
  const controlsOff = [{ control: 'check-scope', strategies: ['S2.5'], until: '2026-01-01T00:02:05.000Z' }]
  const [first] = printStatus({ ...status, controlsOff }, Date.parse('2026-01-01T00:00:30.000Z')).split('\n')
  expect(first).toBe('*** WITHOUT check-scope (S2.5) for another 1 min 35 s — npm run lab -- on --all')
  expect(printStatus(status)).not.toContain('WITHOUT')
})

test('T7 so does an instance that the lab deployed', () => {
  const labInstances = [{ id: 'shipping-lab1', address: '127.0.0.9:7000', until: '2026-01-01T00:01:00.000Z' }]
  const [first] = printStatus({ ...status, labInstances }, Date.parse('2026-01-01T00:00:30.000Z')).split('\n')
  expect(first).toBe('*** DEPLOYED BY THE LAB shipping-lab1 at 127.0.0.9:7000 for another 0 min 30 s — npm run lab -- on --all')
})
