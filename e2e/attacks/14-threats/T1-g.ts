// A second request hides in the body of a first one, in every way in which two readers of HTTP/1.1 disagree about where
// a request ends. Whoever gets a second answer has smuggled.
import { freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { exchange, web } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

const { host } = web
const HIDDEN = `GET /api/categories HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const post = (headers: string, body: string, line = 'POST /api/session HTTP/1.1') => `${line}\r\nHost: ${host}\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

/** A sound head, for an operation that reads a body from anybody: what is wrong with its chunks shows only there. */
const chunked = (body: string) => post(`Provider-Signature: t=1,v1=${'0'.repeat(64)}\r\nTransfer-Encoding: chunked`, body, 'POST /api/payment-events HTTP/1.1')

/** What is framed in two ways: refused, and the connection ended. */
function* twoReadings(): Generator<[string, string]> {
  const short = `0\r\n\r\n${HIDDEN}`
  const length = `Content-Length: ${Buffer.byteLength(short)}`
  yield ['CL.TE', post(`${length}\r\nTransfer-Encoding: chunked`, short)]
  yield ['TE.CL', post(`Transfer-Encoding: chunked\r\nContent-Length: 4`, `${chunk(HIDDEN)}0\r\n\r\n`)]
  for (const coding of ['xchunked', 'chunked, identity', 'identity, chunked', 'chunked;q=1', '"chunked"', 'chunk\u00e9d', '\x0bchunked', 'gzip, chunked', 'chunked, chunked', 'identity', ''])
    yield [`TE.TE ${JSON.stringify(coding)}`, post(`Transfer-Encoding: ${coding}\r\n${length}`, short)]
  for (const name of ['Transfer-Encoding ', ' Transfer-Encoding', 'Transfer-Encoding\t', 'Transfer_Encoding\x00', 'Transfer-Encoding\r'])
    yield [`header name ${JSON.stringify(name)}`, post(`${length}\r\n${name}: chunked`, short)]
  yield ['TE twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', short)]
  for (const value of ['+5', '0x5', '5, 5', '5 5', '-1', '5\x00', '5_0', '\u0665', '5;', '1e1', '99999999999999999999'])
    yield [`Content-Length ${JSON.stringify(value)}`, post(`Content-Length: ${value}`, `xxxxx${HIDDEN}`)]
  for (const coding of ['xchunked', 'identity', '"chunked"', 'chunked;q=1']) yield [`TE alone ${JSON.stringify(coding)}`, post(`Transfer-Encoding: ${coding}`, short)]
  for (const expectation of ['200-ok', 'y 100-continue', '100-continue, x']) yield [`Expect ${expectation}`, post(`Expect: ${expectation}\r\n${length}`, short)]
  yield ['CL twice, other', post(`Content-Length: 0\r\nContent-Length: ${Buffer.byteLength(HIDDEN)}`, HIDDEN)]
  yield ['CL twice, same', post('Content-Length: 0\r\ncontent-length: 0', HIDDEN)]
  for (const size of ['FFFFFFFFFFFFFFFF1', '0x1', '+1', '-1', ' 1', '1 ', 'g', '']) yield [`chunk size ${JSON.stringify(size)}`, chunked(`${size}\r\nx\r\n0\r\n\r\n${HIDDEN}`)]
  yield ['chunk without its end', chunked(`1\r\nxx\r\n0\r\n\r\n${HIDDEN}`)]
  yield ['chunk ends with LF', chunked(`1\nx\n0\n\n${HIDDEN}`)]
  yield ['bare LF', post(length, short).replaceAll('\r\n', '\n')]
  yield ['bare CR', post(`X: a\rTransfer-Encoding: chunked\r\n${length}`, short)]
  yield ['folded line', post(`X: a\r\n b\r\nTransfer-Encoding:\r\n chunked\r\n${length}`, short)]
  yield ['no colon', post(`Nothing\r\n${length}`, short)]
  yield ['NUL in a value', post(`X: a\x00b\r\n${length}`, short)]
  yield ['HTTP/1.0 with TE', post('Transfer-Encoding: chunked', short, 'POST /api/session HTTP/1.0')]
  for (const version of ['HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/1.10']) yield [version, post(length, short, `POST /api/session ${version}`)]
  yield ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']
  for (const hop of ['content-length', 'transfer-encoding', 'host', 'close, content-length', 'upgrade']) yield [`Connection: ${hop}`, post(`Connection: ${hop}\r\nTransfer-Encoding: chunked\r\n${length}`, short)]
}

attack({
  id: 'T1-g',
  strategies: ['T1', 'S5.1'],
  kind: 'attack',
  goal: 'get a second answer for a request that is hidden in the body of another',
  without: 'canonical-request',
  stopped: { code: 'framing-invalid', detection: 'FRAMING' },
  async run(scene: Scene) {
    let isSmuggled = false
    for (const [what, bytes] of twoReadings()) {
      const source = freshAddress()
      const seen = await exchange(source, bytes)
      scene.answered(seen, what)
      if (!seen.json?.code) scene.refused({ address: source })
      // Kept open after a refusal, the connection would read on where the first request was left.
      if (seen.answers > 1 || !seen.isClosed) {
        isSmuggled = true
        scene.note({ smuggled: what, answers: seen.answers, isClosed: seen.isClosed })
      }
    }
    return isSmuggled
  },
  async probe() {
    const body = '{}'
    const seen = await exchange(freshAddress(), `${post(`Content-Length: ${body.length}`, body)}`.replace('Host:', 'Connection: close\r\nHost:'))
    return seen.answers === 1
  },
})
