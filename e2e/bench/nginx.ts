/** nginx as a proxy without a control, on the same terms as the bare edges; where this machine has it. */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { keep } from './children.ts'
import type { Held } from './system.ts'

/** Its path, or undefined. */
export const findNginx = (): string | undefined => [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, 'nginx')).find((file) => {
  try { accessSync(file, constants.X_OK); return true } catch { return false }
})

/** One worker. `upstream` is an https origin that wants a client certificate. */
export async function startNginx(file: string, upstream: string, upstreamName: string, held: Held): Promise<{ pid: number; port: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  for (const [name, text] of [['key.pem', held.key], ['certificate.pem', held.certificate], ['roots.pem', held.roots]] as const) writeFileSync(join(folder, name), text, { mode: 0o600 })
  writeFileSync(join(folder, 'nginx.conf'), `
daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream hop { server ${new URL(upstream).host}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} ssl; keepalive_requests 1000000;
    ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem; ssl_protocols TLSv1.3;
    location /api/ {
      proxy_pass https://hop/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_ssl_protocols TLSv1.3;
      proxy_ssl_certificate ${folder}/certificate.pem; proxy_ssl_certificate_key ${folder}/key.pem; proxy_ssl_trusted_certificate ${folder}/roots.pem; proxy_ssl_server_name on; proxy_ssl_name ${upstreamName};
    }
  }
}
`)
  const child = spawn(file, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'inherit'] })
  keep(child)
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (child.exitCode !== null || attempt > 50) throw new Error('nginx does not start')
    await pause(100)
  }
  return { pid: child.pid!, port }
}

const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resolve(port))
  })
})

const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false))
})
