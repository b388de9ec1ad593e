import { expect, test } from 'vitest'
import { command } from './commands.ts'
import { startHonest } from './honest.ts'

/** Off and on of a control of the edge, which every honest request passes. */
const SWITCHES = Number(process.env['SHOP_SWITCHES'] ?? 6)

test(`T7 no honest request fails while a control of the edge is switched ${SWITCHES} times`, async () => {
  const honest = await Promise.all([startHonest('carol'), startHonest('bob'), startHonest('alice')])
  const tookMs: number[] = []
  try {
    for (let i = 0; i < SWITCHES; i++) {
      const started = performance.now()
      await command('lab', i % 2 ? 'on' : 'off', 'inspect')
      tookMs.push(Math.round(performance.now() - started))
    }
  } finally {
    await command('lab', 'on', 'inspect')
    await Promise.all(honest.map((one) => one.stop()))
  }
  console.log(`${honest.reduce((sum, one) => sum + one.requests(), 0)} honest requests, switches took ms: ${tookMs.sort((a, b) => a - b).join(' ')}`)
  expect(honest.flatMap((one) => Object.values(one.takeHarm()).flat())).toEqual([])
  for (const one of honest) expect(one.requests()).toBeGreaterThan(SWITCHES)
}, 30_000 + SWITCHES * 20_000)
