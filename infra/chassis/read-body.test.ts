import http from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadApi } from './operation.ts'
import { readBody } from './read-body.ts'

const operation = loadApi({ paths: { '/x': { post: { operationId: 'x', requestBody: { content: { 'application/json': { schema: {} } } }, responses: {} } } } } as never).operations.get('x')!
const ends: Promise<unknown>[] = []
const server = http.createServer((req, res) => {
  ends.push(readBody(req, operation, 'application/json').catch((error: unknown) => error))
  res.flushHeaders()
})
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => server.close(resolve)))

test('a client that leaves in the middle of its body is at fault, not we', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"a"')
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  expect(await ends[0]).toMatchObject({ code: 'body-incomplete', status: 400, detection: undefined })
})
