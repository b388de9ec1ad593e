import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { expect, test } from 'vitest'

const urlOf = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)
/** A process of its own with `log` in scope, and `many`, which writes 300 lines. */
const program = (body: string) => ['--input-type=module', '-e', `
  import { createLog } from ${urlOf('./log.ts')}
  import { onStop } from ${urlOf('./lifecycle.ts')}
  import { readLaunch } from ${urlOf('./launch.ts')}
  import { z } from ${JSON.stringify(import.meta.resolve('zod'))}
  const log = createLog('order-1'), other = createLog('order-1').child({ other: true })
  const many = () => { for (let n = 0; n < 300; n++) (n % 3 ? log : other).info({ n, text: 'é'.repeat(100) }, 'line') }
  ${body}`]
const linesOf = (out: string) => {
  expect(out.endsWith('\n')).toBe(true)
  return out.slice(0, -1).split('\n').map((line) => JSON.parse(line))
}
/** Until it has ended; its standard input stays open, as a supervisor keeps it. */
async function run(body: string, withInput: (stdin: Writable) => void = () => {}) {
  const child = spawn(process.execPath, program(body), { stdio: ['pipe', 'pipe', 'ignore'] })
  withInput(child.stdin)
  const pieces: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
  const [status, signal] = await once(child, 'close')
  return { status, signal, out: Buffer.concat(pieces).toString() }
}
const inOrder = Array.from({ length: 300 }, (_, n) => n)

test.each([
  ['by itself', 'many()', 0],
  ['by process.exit', 'many(); process.exit(78)', 78],
  ['by process.exit in a later turn', 'many(); setTimeout(() => process.exit(3), 20)', 3],
  ['by a configuration that cannot be used', 'many(); readLaunch(z.never(), () => "{}")', 78],
  ['by an error nobody caught', 'many(); throw new Error("lost")', 1],
  ['by an error that the lifecycle logs', 'onStop(log, async () => {}); many(); setTimeout(() => { throw new Error("lost") })', 70, 'uncaughtException'],
  ['by a rejection that the lifecycle logs', 'onStop(log, async () => {}); many(); void Promise.reject(new Error("lost"))', 70, 'unhandledRejection'],
  ['by SIGTERM', 'onStop(log, async () => { log.info("last") }); many(); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1_000)', 0, 'last'],
  ['by a handover', 'process.once("SIGUSR2", () => void (async () => { log.info("last"); process.exit(0) })()); many(); process.kill(process.pid, "SIGUSR2"); setInterval(() => {}, 1_000)', 0, 'last'],
  ['by an exit whose own listener logs', 'process.on("exit", () => log.info("last")); many()', 0, 'last'],
])('all lines of a process that ends %s are there, whole and in order', async (_how, body, status, last = 'line') => {
  const ended = await run(body)
  const lines = linesOf(ended.out)
  expect([ended.status, lines.flatMap(({ n }) => n ?? []), lines.at(-1).msg]).toEqual([status, inOrder, last])
})

test('all lines are there when the supervisor goes away', async () => {
  const ended = await run('onStop(log, async () => {}); many(); setInterval(() => {}, 1_000)', (stdin) => stdin.end())
  expect([ended.status, linesOf(ended.out).map(({ n }) => n)]).toEqual([0, inOrder])
})

test('a warning is written at once, after all before it; what is only waiting goes with SIGKILL', async () => {
  const ended = await run('many(); log.warn("now"); log.info("waits"); process.kill(process.pid, "SIGKILL")')
  const lines = linesOf(ended.out)
  expect([ended.signal, lines.flatMap(({ n }) => n ?? []), lines.at(-1).msg]).toEqual(['SIGKILL', inOrder, 'now'])
})

test('a line waits for a moment only, together with its neighbours', async () => {
  const child = spawn(process.execPath, program('setInterval(() => {}, 1_000); log.info("a"); log.info("b")'), { stdio: ['ignore', 'pipe', 'inherit'] })
  const [first] = await once(child.stdout, 'data') as [Buffer]
  expect(linesOf(first.toString()).map(({ msg }) => msg)).toEqual(['a', 'b'])
  child.kill('SIGKILL')
  await once(child, 'close')
})

test('a process outlives whoever read its lines', async () => {
  const child = spawn(process.execPath, program('setTimeout(() => { many(); log.warn("nobody reads"); many() }, 100); setTimeout(() => process.exit(7), 400)'), { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.destroy()
  expect(await once(child, 'exit')).toEqual([7, null])
})
