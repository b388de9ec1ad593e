// Code runs in one process of the host, under its user id, and tries the sockets of the services beside it: only a
// service's own micro-gateway may open one. There is no TCP listener to go to instead.
import { execFileSync } from 'node:child_process'
import { endpoints } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** Connects, asks for health, says what came. Runs under another user id. */
const PROBE = `const s = require('node:net').connect(process.argv[1]); s.on('connect', () => s.write('GET /health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')); s.on('data', (d) => { process.stdout.write('ANSWER ' + String(d).slice(0, 15)); process.exit(0) }); s.on('error', (e) => { process.stdout.write(e.code); process.exit(0) })`

/** In every service's socket, as `uidOf` says. True when one answered. */
function knock(scene: Scene, uidOf: (service: string) => number | undefined): { answered: number; tried: number } {
  if (process.getuid?.() !== 0) throw new NotRun('only root can take another process\'s user id; without root all processes share one')
  let answered = 0, tried = 0
  for (const { name, socket, uid } of endpoints.processes.filter(({ kind }) => kind === 'service')) {
    const as = uidOf(name)
    if (!socket || as === undefined || as === uid) continue
    const said = execFileSync(process.execPath, ['-e', PROBE, socket], { uid: as, gid: as, encoding: 'utf8', cwd: '/', env: {}, timeout: 20_000 })
    scene.note({ request: `${name}'s socket as user ${as}`, said })
    tried += 1
    if (said.startsWith('ANSWER')) answered += 1
  }
  return { answered, tried }
}

const uid = (name: string) => endpoints.processes.find((one) => one.name === name)?.uid

attack({
  id: 'S2.6-b',
  strategies: ['S2.6'],
  kind: 'inherent',
  goal: 'speak to a service behind the back of its micro-gateway',
  without: null,
  stopped: null,
  async run(scene) {
    const strangers = ['catalog-1', 'shipping-1', 'shipping-1-gateway', 'psp'].map((name) => knock(scene, (service) => (name.startsWith(service) ? undefined : uid(name))))
    return strangers.some(({ answered }) => answered > 0) || strangers.every(({ tried }) => tried === 0)
  },
  async probe(scene) {
    const { answered, tried } = knock(scene, (service) => uid(`${service}-gateway`))
    return tried > 0 && answered === tried
  },
})
