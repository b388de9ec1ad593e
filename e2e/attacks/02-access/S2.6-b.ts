// Code runs in one process of the host, under its user id, and tries the sockets of the services beside it, by every path
// that leads to one. Whoever gets through needs no token: a service trusts whom its socket lets in.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { readEndpoints } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** Runs under another user id. Says for each way to each socket what came: an answer's status line, or an error's code. */
const PROBE = `
const fs = require('node:fs'), net = require('node:net')
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = [part({ alg: 'ES256', typ: 'at+jwt' }), part({ sub: 'nobody', role: 'staff', act: { sub: 'spiffe://x/mesh/edge' } }), 'AA'].join('.')
const ask = (path) => new Promise((resolve) => {
  const socket = net.connect(path)
  socket.setTimeout(5_000, () => { socket.destroy(); resolve('silent') })
  socket.once('connect', () => socket.write('GET /orders?page=1&pageSize=1 HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nAuthorization: Bearer ' + token + '\\r\\n\\r\\n'))
  socket.once('data', (data) => { socket.destroy(); resolve('ANSWER ' + String(data).slice(0, 15)) }).once('error', (error) => resolve(error.code))
})
const doing = (act) => { try { act(); return 'DONE' } catch (error) { return error.code } }
;(async () => {
  const said = []
  for (const { name, socket, pid } of JSON.parse(process.argv[1])) {
    said.push([name, 'its path', await ask(socket)], [name, 'the root of its process', await ask('/proc/' + pid + '/root' + socket)], [name, 'an abstract name', await ask('\\0' + socket)])
    said.push([name, 'a listing of its folder', doing(() => fs.readdirSync(socket.slice(0, -2)))], [name, 'a swapped link', doing(() => fs.symlinkSync('/tmp/other', socket + '.link'))], [name, 'its removal', doing(() => fs.accessSync(socket.slice(0, -2), fs.constants.W_OK))])
  }
  process.stdout.write(JSON.stringify(said))
})()`

const uidOf = (name: string) => readEndpoints().processes.find((one) => one.name === name)?.uid

/** Knocks at every service's socket but those of `except`, as that user. */
async function knock(scene: Scene, as: number, isMeant: (service: string) => boolean): Promise<[string, string, string][]> {
  if (process.getuid?.() !== 0) throw new NotRun('only root can take another process\'s user id; without root all processes share one')
  const doors = readEndpoints().processes.filter(({ kind, name, socket, uid }) => kind === 'service' && socket && uid !== as && isMeant(name)).map(({ name, socket, pid }) => ({ name, socket, pid }))
  if (doors.length === 0) throw new Error('there is no service to knock at')
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', PROBE, JSON.stringify(doors)], { uid: as, gid: as, encoding: 'utf8', cwd: '/', env: {}, timeout: 60_000 })
  const said = JSON.parse(stdout) as [string, string, string][]
  scene.note({ request: `${doors.length} sockets as user ${as}`, said: Object.fromEntries(Object.entries(Object.groupBy(said, ([, , what]) => what)).map(([what, list]) => [what, list!.length])) })
  return said
}

/** TCP listeners (state 0A) by user id. */
function listeners(): Set<number> {
  const lines = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/)))
  return new Set(lines.filter(([, , , state]) => state === '0A').map((fields) => Number(fields[7])))
}

attack({
  id: 'S2.6-b',
  strategies: ['S2.6'],
  kind: 'attack',
  goal: 'read everybody\'s orders behind the back of the micro-gateway, with a token of one\'s own making',
  without: 'socket-ownership',
  // The kernel refuses, and tells nobody but the one who asked.
  stopped: null,
  async run(scene) {
    const strangers = ['catalog-1', 'shipping-1', 'shipping-1-gateway', 'psp'].map((name) => ({ name, uid: uidOf(name) }))
    const said = await Promise.all(strangers.map(({ name, uid }) => knock(scene, uid!, (service) => !name.startsWith(service))))
    const open = listeners()
    const heard = readEndpoints().processes.filter(({ kind, uid }) => kind === 'service' && uid !== undefined && open.has(uid)).map(({ name }) => name)
    if (heard.length) scene.note({ effect: `a TCP listener of ${heard.join(', ')}` })
    return heard.length > 0 || said.flat().some(([, , what]) => what.startsWith('ANSWER') || what === 'DONE')
  },
  async probe(scene) {
    const said = await knock(scene, uidOf('order-1-gateway')!, (service) => service === 'order-1')
    return said.some(([, way, what]) => way === 'its path' && what === 'ANSWER HTTP/1.1 200 OK')
  },
})
