// The door is asked to fetch something else: by an absolute target, by CONNECT, by a host that only the inside knows,
// by paths that become addresses. A listener of the attacker waits for a connection that must never come.
import { createServer } from 'node:net'
import { attack } from '../attack.ts'
import { exchange } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

async function withListener<T>(use: (port: number, connections: () => number) => Promise<T>): Promise<T> {
  let connections = 0
  const server = createServer((socket) => { connections += 1; socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nOWNED') })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use((server.address() as { port: number }).port, () => connections)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Request line and host, and how it must be refused. */
const requests = (port: number): [string, string, string, string][] => {
  const at = `127.0.0.1:${port}`
  return [
    [`GET http://${at}/ HTTP/1.1`, 'HOST', 'path-malformed', 'EE1'], [`GET https://${at}/api/products HTTP/1.1`, 'HOST', 'path-malformed', 'EE1'], [`GET http://order/ HTTP/1.1`, 'order', 'host-unknown', 'RE3'],
    [`CONNECT ${at} HTTP/1.1`, at, 'method-not-allowed', 'RE1'], ['OPTIONS * HTTP/1.1', 'HOST', 'method-not-allowed', 'RE1'], [`GET //${at}/ HTTP/1.1`, 'HOST', 'path-malformed', 'EE1'], [`GET /@${at}/ HTTP/1.1`, 'HOST', 'operation-unknown', 'ACE3'],
    [`GET /%2e%2e//${at}/v1/catalog HTTP/1.1`, 'HOST', 'path-malformed', 'EE1'], [`GET /..;/${at}/ HTTP/1.1`, 'HOST', 'path-malformed', 'EE1'], [`GET \\\\${at}\\ HTTP/1.1`, 'HOST', 'framing-invalid', 'FRAMING'],
    ...['order', 'order.service.consul', 'order.lantern.test', at, 'localhost', 'localhost:1', `localhost@${at}`, `HOST@${at}`, `HOST.${at}`, '127.0.0.1', '[::1]', 'evil.example', ''].map((host): [string, string, string, string] => ['GET /api/products HTTP/1.1', host, 'host-unknown', 'RE3']),
  ]
}

async function ask(scene: Scene): Promise<boolean> {
  return withListener(async (port, connections) => {
    const source = scene.visitor().address
    let isServed = false
    for (const [line, host, code, detection] of requests(port)) {
      const answer = await exchange(source, `${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      if (answer.json?.code) scene.answered(answer, `${line} for '${host}'`, { code: answer.json.code, detection: answer.json.code === code ? detection : undefined })
      else scene.note({ request: `${line} for '${host}'`, status: answer.status })
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
  kind: 'inherent',
  goal: 'make the door fetch from an address of the attacker\'s choice',
  without: null,
  stopped: { code: 'host-unknown', detection: 'RE3' },
  run: ask,
  probe: async (scene) => (await exchange(scene.visitor().address, 'GET /api/products?pageSize=1 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n')).status === 200,
})
