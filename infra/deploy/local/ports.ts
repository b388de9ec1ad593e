/** Free and taken ports of the loopback interface, and who has them. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { BLOCK } from './plan.ts'

export const isPortFree = (port: number) => new Promise<boolean>((resolve) => {
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
})

/** Free ports, and numbers that no account of this machine has as its user id. */
export async function isBlockFree(base: number): Promise<boolean> {
  const accounts = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => Number(line.split(':')[2])) : []
  if (accounts.some((uid) => uid >= base && uid < base + BLOCK)) return false
  const free = await Promise.all(Array.from({ length: BLOCK }, (_, index) => isPortFree(base + index)))
  return free.every(Boolean)
}

/** 'port 22001 (order-1-gateway) is taken by node, pid 4711' for each port that is not free. */
export async function takenPorts(wanted: { port: number; by: string }[]): Promise<string[]> {
  const taken = await Promise.all(wanted.map(async ({ port, by }) => await isPortFree(port) ? [] : [`port ${port} (${by}) is taken by ${ownerOf(port)}`]))
  return taken.flat()
}

function ownerOf(port: number): string {
  try {
    return process.platform === 'linux' ? linuxOwner(port) : execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { encoding: 'utf8' }).replace(/\n/g, ' ').replace(/^p(\d+) c(\S+).*/, '$2, pid $1')
  } catch {
    return 'a process that this user may not see'
  }
}

/** @see proc(5): the listening socket's inode in /proc/net/tcp, then the process that holds it. */
function linuxOwner(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].filter((path) => existsSync(path)).flatMap((path) => readFileSync(path, 'utf8').split('\n').map((line) => line.trim().split(/\s+/)))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A').map((fields) => `socket:[${fields[9]}]`)
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let handles: string[] = []
    try { handles = readdirSync(`/proc/${pid}/fd`) } catch { continue }
    for (const handle of handles) {
      try {
        if (inodes.includes(readlinkSync(`/proc/${pid}/fd/${handle}`))) return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}, pid ${pid}`
      } catch { /* closed meanwhile */ }
    }
  }
  return 'a process that this user may not see'
}
