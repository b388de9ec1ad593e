/** A TLS client that trusts everyone and says what came back: for those who go round the doors. */
import { connect } from 'node:tls'
import { connect as connectPlain } from 'node:net'

export type Client = { key: string | Buffer; cert: string | Buffer }
export type Heard = { bytes: string; end: string }

const GREETING = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/**
 * The first bytes that come back for a plain GET, or how the connection ended. `more`: what node:tls takes; false speaks
 * without TLS. Another `request` asks for the connection's end and is heard to it.
 */
export function speak(address: string, source: string, client?: Client, more: object | false = {}, request = GREETING): Promise<Heard> {
  return new Promise((resolve) => {
    const [host, port] = address.split(':')
    const where = { host, port: Number(port), localAddress: source, timeout: 5_000 }
    const socket = more === false ? connectPlain(where as never) : connect({ ...where, rejectUnauthorized: false, ...client, ...more } as never)
    const done = (end: string, bytes = '') => { socket.destroy(); resolve({ bytes, end }) }
    socket.once(more === false ? 'connect' : 'secureConnect', () => socket.write(request))
    let heard = ''
    socket.on('data', (data: Buffer) => {
      heard += data.toString('latin1')
      if (request === GREETING) done('answered', heard.slice(0, 80))
    })
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    socket.once('end', () => done(heard ? 'answered' : 'closed', heard)).once('timeout', () => done('silent'))
  })
}
