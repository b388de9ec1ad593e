/** HTTP byte by byte, at the web door: for what no honest client would write. */
import { connect } from 'node:tls'
import { ca, endpoints } from '../shop.ts'

export const web = new URL(endpoints.web.url)
export type RawAnswer = { /** Final answers that came. */ answers: number; /** Of the first; 0 when there was none. */ status: number; headers: string; text: string; json?: any; isClosed: boolean }

/** Sends the bytes at once (HOST stands for the door's) and reads until the end, or for `waitMs`. `servername`: what the handshake names. */
export function exchange(source: string, bytes: string | Buffer, { waitMs = 5_000, port = web.port, servername = web.hostname }: { waitMs?: number; port?: string; servername?: string } = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername, ca, localAddress: source, ALPNProtocols: ['http/1.1'] } as never)
    let text = ''
    const done = (isClosed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      // Not at the start of a line alone: a body ends without one.
      const finals = [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)]
      const [headers = '', body = ''] = text.slice(finals[0]?.index ?? 0).split(/\r\n\r\n(.*)/s)
      const json = /^\{[^\r\n]*\}/.exec(body)?.[0]
      resolve({ answers: finals.length, status: Number(finals[0]?.[1] ?? 0), headers, text: body, ...(json && { json: JSON.parse(json) }), isClosed })
    }
    const timer = setTimeout(() => done(false), waitMs)
    socket.once('secureConnect', () => socket.write(typeof bytes === 'string' ? Buffer.from(bytes.replaceAll('HOST', web.host), 'latin1') : bytes))
    socket.on('data', (data) => { text += data.toString('utf8') })
    socket.once('close', () => done(true))
    // A peer that cuts the line has answered in its way.
    socket.on('error', (error: NodeJS.ErrnoException) => { if (!text && !['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) { clearTimeout(timer); reject(error) } })
  })
}
