import http, { type RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { PathMalformed, problemBody, type Problem } from './problem.ts'
import { plainServer, requirePlainRequest } from './plain-http.ts'
import type { SecurityEvent } from './security-event.ts'

const HOST = 'door.test:1'
let server: http.Server
const told: SecurityEvent['data'][] = []
afterEach(() => {
  server.close()
  server.closeAllConnections()
  told.length = 0
})

const plain: RequestListener = (req, res) => {
  try {
    requirePlainRequest(req, HOST)
    res.end('fine')
  } catch (error) {
    res.writeHead((error as Problem).status, (error as Problem).options.headers).end((error as Problem).code)
  }
}

/** Bytes as they are; everything that comes back until the server closes. */
async function exchange(bytes: string, listener = plain): Promise<string> {
  server = plainServer(http.createServer({ requireHostHeader: false }), listener, (event) => told.push(event))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
  let text = ''
  return new Promise((resolve) => socket.on('data', (data) => { text += data.toString('latin1') }).on('close', () => resolve(text)).on('error', () => resolve(text)))
}
const get = (lines = '', line = 'GET / HTTP/1.1') => `${line}\r\nHost: ${HOST}\r\n${lines}\r\n`
const post = (lines: string, body: string) => `POST / HTTP/1.1\r\nHost: ${HOST}\r\n${lines}\r\n${body}`

test('a plain request for this host is answered', async () => {
  expect(await exchange(get('Connection: close\r\n'))).toMatch(/^HTTP\/1\.1 200 [\s\S]*fine$/)
  expect(told).toEqual([])
})

test.each([
  ['another host', 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n', 421], ['a host with a user', `GET / HTTP/1.1\r\nHost: a@${HOST}\r\n\r\n`, 421], ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 421],
  ['two hosts', get('Host: evil.test\r\n'), 400], ['no host', 'GET / HTTP/1.1\r\n\r\n', 400], ['a whole address', get('', 'GET http://evil.test/ HTTP/1.1'), 400], ['HTTP/1.0', get('', 'GET / HTTP/1.0'), 400],
  ['two codings', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 400], ['a length with a zero before it', post('Content-Length: 02\r\n', '{}'), 400], ['a hop by hop list', get('Connection: cookie, close\r\n'), 400],
  ['an upgrade', get('Connection: upgrade\r\nUpgrade: h2c\r\n'), 400], ['CONNECT', `CONNECT a:1 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400], ['an expectation', post('Expect: 100-continue\r\nContent-Length: 2\r\n', '{}'), 417],
  ['a bare line end', `GET / HTTP/1.1\nHost: ${HOST}\n\n`, 400],
])('S5.1 T1 one refusal and the end, whatever stands behind: %s', async (_what, bytes, status) => {
  const text = await exchange(bytes + get())
  expect(text.match(/HTTP\/1\.1 \d{3} /g)).toEqual([`HTTP/1.1 ${status} `])
})

const late: RequestListener = (_req, res) => void setTimeout(() => res.end('late'), 30)
test.each([['no request', '\x00\x01\r\n\r\n'], ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'], ['another request', get()]])('T1 an answer under way goes out alone, not beside the refusal of %s behind it', async (_what, behind) => {
  expect(await exchange(get() + behind, late)).toMatch(/^HTTP\/1\.1 200 OK\r\n(?![\s\S]*HTTP\/1)[\s\S]*late$/)
  expect(told).toEqual([expect.objectContaining({ detection: 'FRAMING', code: 'framing-refused', address: '127.0.0.1' })])
})

test('T1 a request whose body breaks while it is read is refused in its turn; one that was answered before is not answered again', async () => {
  const never: RequestListener = () => {}
  expect(await exchange(post('Transfer-Encoding: chunked\r\n', 'x\r\n'), never)).toMatch(/^HTTP\/1\.1 400 /)
  server.close()
  const atOnce: RequestListener = (_req, res) => res.writeHead(PathMalformed.status).end(JSON.stringify(problemBody(PathMalformed())))
  expect((await exchange(post('Transfer-Encoding: chunked\r\n', 'x\r\n'), atOnce)).match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1)
})
