import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { isPortFree, takenPorts } from './ports.ts'

const servers: ReturnType<typeof createServer>[] = []
afterEach(() => { for (const server of servers.splice(0)) server.close() })

const take = () => new Promise<number>((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  servers.push(server)
})

test.runIf(process.platform === 'linux')('a taken port is named with what it is for and who has it', async () => {
  const port = await take()
  expect(await isPortFree(port)).toBe(false)
  const [line] = await takenPorts([{ port, by: 'edge, web' }])
  expect(line).toMatch(new RegExp(`^port ${port} \\(edge, web\\) is taken by .+, pid ${process.pid}$`))
})

test('a free port is not', async () => {
  const port = await take()
  await new Promise((resolve) => servers.pop()?.close(resolve))
  expect(await takenPorts([{ port, by: 'edge' }])).toEqual([])
})
