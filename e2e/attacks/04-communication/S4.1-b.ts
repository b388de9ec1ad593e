// The door is asked to fetch something else: by an absolute target, by CONNECT, by a host that only the inside knows,
// by paths that become addresses. A listener of the attacker waits for a connection that must never come.
import { createServer } from 'node:net'
import { attack } from '../attack.ts'
import { exchange } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

async function withListener<T>(use: (port: number, connections: () => number) => Promise<T>): Promise<T> {
  let connections = 0
  const server = createServer((socket) => { connections += 1; socket.on('error', () => {}).resume().end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nOWNED') })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use((server.address() as { port: number }).port, () => connections)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

type Asked = [line: string, host: string, code: string, detection: string, control: string]

/** Request line and host, and how it must be refused. */
function requests(port: number): Asked[] {
  const at = `127.0.0.1:${port}`
  const malformed = ['path-malformed', 'EE1', 'canonical-request'] as const, verb = ['method-not-allowed', 'RE1', 'method-allow-list'] as const
  return [
    [`GET http://${at}/ HTTP/1.1`, 'HOST', ...malformed], [`GET https://${at}/api/products HTTP/1.1`, 'HOST', ...malformed], ['GET http://order/ HTTP/1.1', 'order', 'host-unknown', 'RE3', 'canonical-request'],
    [`CONNECT ${at} HTTP/1.1`, at, ...verb], [`GET //${at}/ HTTP/1.1`, 'HOST', ...malformed], ['OPTIONS * HTTP/1.1', 'HOST', ...malformed],
    [`GET /@${at}/ HTTP/1.1`, 'HOST', 'operation-unknown', 'ACE3', 'match-operation'], [`GET /${at}/ HTTP/1.1`, 'HOST', 'operation-unknown', 'ACE3', 'match-operation'], [`GET /http:/${at}/ HTTP/1.1`, 'HOST', 'operation-unknown', 'ACE3', 'match-operation'],
    [`GET /%2e%2e//${at}/v1/catalog HTTP/1.1`, 'HOST', ...malformed], [`GET /..;/${at}/ HTTP/1.1`, 'HOST', ...malformed], [`GET \\\\${at}\\ HTTP/1.1`, 'HOST', 'framing-invalid', 'FRAMING', 'canonical-request'],
    ...['order', 'order.service.consul', 'order.lantern.test', at, 'localhost', 'localhost:1', `localhost@${at}`, `HOST@${at}`, `HOST.${at}`, '127.0.0.1', '[::1]', 'evil.example', ''].map((host): Asked => ['GET /api/products HTTP/1.1', host, 'host-unknown', 'RE3', 'canonical-request']),
  ]
}

async function ask(scene: Scene): Promise<boolean> {
  return withListener(async (port, connections) => {
    const source = scene.visitor().address
    let isServed = false
    for (const [line, host, code, detection, control] of requests(port)) {
      const answer = await exchange(source, `${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      scene.answered(answer, `${line} for '${host}'`, { code, detection, control })
      if (answer.status < 400 || answer.text.includes('OWNED')) {
        isServed = true
        scene.note({ effect: line, host, status: answer.status })
      }
    }
    for (const name of ['X-Forwarded-Host', 'X-Host', 'X-Original-URL', 'X-Rewrite-URL', 'Forwarded', 'X-Forwarded-Server']) {
      const answer = await exchange(source, `GET /api/products?pageSize=1 HTTP/1.1\r\nHost: HOST\r\n${name}: ${name === 'Forwarded' ? 'host=' : ''}127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
      if (answer.text.includes('OWNED') || answer.text.includes(`:${port}`) || answer.headers.includes(`:${port}`)) isServed = true
    }
    return isServed || connections() > 0
  })
}

attack({
  id: 'S4.1-b',
  strategies: ['S4.1', 'S12.2'],
  kind: 'attack',
  goal: 'make the door fetch from an address of the attacker\'s choice',
  without: 'match-operation',
  stopped: { code: 'operation-unknown', detection: 'ACE3' },
  run: ask,
  probe: async (scene) => (await exchange(scene.visitor().address, 'GET /api/products?pageSize=1 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n')).status === 200,
})
