import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { followFile } from './follow.ts'
import { logPath, rotateLogs } from './logs.ts'
import { watchStores } from './store-events.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'follow-'))
  mkdirSync(join(folder, 'logs'))
  path = logPath(folder, 'postgres')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('lines are handed over once and whole, from those after the beginning', () => {
  writeFileSync(path, 'before\n')
  const seen: string[] = []
  const read = followFile(path, (line) => seen.push(line))
  appendFileSync(path, 'one\ntw')
  read()
  read()
  appendFileSync(path, 'o ü\n')
  read()
  expect(seen).toEqual(['one', 'two ü'])
})

test('a file that comes later, and a line that is too long', () => {
  const seen: string[] = []
  const read = followFile(path, (line) => seen.push(line))
  read()
  writeFileSync(path, `${'x'.repeat(700_000)}y\nnext\n`)
  read()
  expect(seen.map((line) => line.slice(-4))).toEqual(['xxxx', 'next'])
  expect(seen[0]!.length).toBeLessThan(300_000)
})

test('what was written before a log was cut is read before, what comes after is read after', () => {
  const seen: string[] = []
  const read = followFile(path, (line) => seen.push(line.slice(0, 5)))
  writeFileSync(path, `${'x'.repeat(11 * 1024 * 1024)}\nfirst\n`)
  rotateLogs(folder, read)
  expect(statSync(path).size).toBe(0)
  appendFileSync(path, 'later\n')
  read()
  expect(seen).toEqual(['xxxxx', 'first', 'later'])
})

test('S5.1 a refusal reaches a monitor that was away when it was logged', async () => {
  const socket = join(folder, 's')
  const stores = watchStores(folder, [{ name: 'postgres', workload: 'postgres' }], socket)
  writeFileSync(path, '2026-11-24 17:13:43.627 GMT [70] 127.4.4.4 28000 FATAL:  no pg_hba.conf entry\n')
  stores.read()
  const got: unknown[] = []
  const monitor = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => { body += chunk }).on('end', () => { got.push(...JSON.parse(body)); response.writeHead(202).end() })
  })
  await new Promise<void>((resolve) => monitor.listen(socket, resolve))
  await vi.waitFor(() => expect(got).toMatchObject([{ source: 'postgres', type: 'security.database-denied', data: { address: '127.4.4.4' } }]), 5_000)
  stores.stop()
  await new Promise((resolve) => monitor.close(resolve))
})
