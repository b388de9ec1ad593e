import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNeighbours } from './neighbour.ts'

test('S6.1 a read whose connection ended as it was written is asked again, once; a write is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'neighbour-'))
  const asked: string[] = []
  let isEnding = false
  const gateway = createServer((request, response) => {
    asked.push(request.method!)
    if (isEnding) return void request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => gateway.listen(join(folder, 's'), resolve))
  const { of, close } = createNeighbours(join(folder, 's'))
  const ask = (method: string) => of('catalog').request({ method, path: '/quotes' }).then(({ status }) => status, ({ code }: { code: string }) => code)
  try {
    isEnding = true
    gateway.once('request', () => { isEnding = false })
    expect(await ask('GET')).toBe(200)
    expect(asked.splice(0)).toEqual(['GET', 'GET'])
    for (const method of ['POST', 'PUT']) {
      isEnding = true
      expect(await ask(method)).toBe('unavailable')
      expect(asked.splice(0)).toEqual([method])
    }
    expect(await ask('GET')).toBe('unavailable')
    expect(asked).toHaveLength(2)
  } finally {
    await close()
    gateway.closeAllConnections()
    await new Promise((resolve) => gateway.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  }
})
