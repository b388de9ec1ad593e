import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** Runs a statement with `log` in scope in a process of its own and returns what it wrote. */
const written = (statement: string) => spawnSync(process.execPath, ['--input-type=module', '-e', `
  import { createLog, createRequestLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}
  const log = createLog('order-1'); ${statement}`], { encoding: 'utf8' }).stdout

test('S1.5 no secret reaches a log, whatever object it hangs on', () => {
  const out = written(`
    const error = Object.assign(new Error('no', { cause: Object.assign(new Error('deeper'), { client: { key: 'PRIVATE' } }) }), { client: { ssl: { key: 'PRIVATE' } }, code: '57P01' })
    log.warn({ err: error, token: 'SECRET-1', headers: { authorization: 'SECRET-2', cookie: 'SECRET-3' }, a: { b: { password: 'SECRET-4' } }, list: [{ apiKey: 'SECRET-5', field: 'seen' }], failed: 1 }, 'x')
    log.error({ err: Object.assign(new Error('no'), { evidence: { token: 'SECRET-6' } }) }, 'y')`)
  expect(out).not.toMatch(/PRIVATE|SECRET/)
  expect(JSON.parse(out.split('\n')[0]!)).toMatchObject({ level: 'warn', list: [{ apiKey: '[redacted]', field: 'seen' }], headers: { cookie: '[redacted]' }, failed: 1, process: 'order-1', err: { code: '57P01', cause: { message: 'deeper' } }, msg: 'x' })
})

test('the line of a request says what pino would say, in its place among the others', () => {
  const fields = `{ traceId: 'f'.repeat(32), operation: undefined, status: 200, ms: 1.5, path: 'a"\\n\u00e9' }`
  const lines = written(`log.info(${fields}, 'request'); createRequestLog(log)(${fields}); log.level = 'warn'; createRequestLog(log)(${fields})`).trimEnd().split('\n').map((line) => JSON.parse(line))
  const [{ time: _a, ...byPino }, { time, ...byHand }] = lines
  expect([lines.length, byHand]).toEqual([2, byPino])
  expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000)
  expect(new Date(time).toISOString()).toBe(time)
})
