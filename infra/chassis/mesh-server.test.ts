import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serveMesh, type MeshServer } from './mesh-server.ts'
import type { SecurityEvent } from './security-event.ts'
import { createTestMesh, type TestMesh } from './test-mesh.ts'

const PORT = 25_960
let mesh: TestMesh
let server: MeshServer
let asked: string[] = []
let events: SecurityEvent['data'][] = []
beforeAll(async () => {
  mesh = await createTestMesh()
  server = await serveMesh((req, res) => { asked.push(req.url!); res.end('yes') }, { port: PORT, identity: await mesh.identity('exchange'), report: (event) => void events.push(event) })
})
afterAll(() => server.close())
beforeEach(() => { asked = []; events = [] })

/** All that comes back until the server ends the connection. */
async function say(bytes: string): Promise<string> {
  const { key, certificate } = (await mesh.identity('order')).mesh()
  const socket = connect({ port: PORT, host: '127.0.0.1', key, cert: certificate, rejectUnauthorized: false }, () => socket.write(bytes))
  let heard = ''
  socket.setEncoding('latin1').on('data', (text: string) => { heard += text }).on('error', () => undefined)
  await once(socket, 'close')
  return heard
}
const get = (more = '', version = 'HTTP/1.1') => `GET /keys ${version}\r\nHost: x\r\n${more}\r\n`

test('one plain request is answered', async () => {
  expect(await say(get('Connection: close\r\n'))).toMatch(/^HTTP\/1\.1 200 .*yes$/s)
  expect(events).toEqual([])
})

test.each([
  ['no HTTP', 'HELLO\r\n\r\n', 400], ['HTTP/1.0', get('', 'HTTP/1.0'), 400], ['two hosts', get('Host: y\r\n'), 400], ['another origin', get().replace('/keys', 'http://evil.test/keys'), 400],
  ['CONNECT', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n', 400], ['an upgrade', get('Connection: Upgrade\r\nUpgrade: websocket\r\n'), 400], ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['two lengths', `POST /keys HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get()}`, 400], ['a wish to wait', get('Expect: 100-continue\r\n'), 417], ['a head without end', get(`X: ${'x'.repeat(20_000)}\r\n`), 431],
])('S5.1 S13.1 %s reaches nobody: one refusal, the end, and an event', async (_what, bytes, status) => {
  const heard = await say(bytes)
  expect(heard.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`])
  expect(asked).toEqual([])
  expect(events).toMatchObject([{ detection: 'FRAMING', control: 'framing', code: 'framing-refused', address: '127.0.0.1' }])
})

test('S5.1 a request behind an unanswered one is not read', async () => {
  expect((await say(get() + get())).match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200'])
  expect(asked).toEqual(['/keys'])
  expect(events).toMatchObject([{ detection: 'FRAMING' }])
})
