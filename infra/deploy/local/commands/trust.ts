import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { system } from '../../system.ts'
import { readCheckout } from '../checkout.ts'
import type { Parsed } from '../commands.ts'

/** The doors' authority may certify loopback names alone, so trusting it gives nobody power over other sites. */
export async function trust({ positionals: [action] }: Parsed): Promise<number> {
  const checkout = await readCheckout(process.env)
  const ca = join(checkout.shopDir, 'doors.pem')
  const name = `${system.brand} doors (${checkout.id})`
  if (!existsSync(ca)) throw new Error('There are no doors yet: run npm start once.')
  const steps = process.platform === 'darwin' ? macos(ca) : nss(ca, name)
  if (action === undefined) {
    process.stdout.write(`To make browsers trust the doors of this checkout, run npm run trust -- install, which does:\n\n${steps.install.map(shown).join('\n')}\n\nTo undo it, npm run trust -- remove:\n\n${steps.remove.map(shown).join('\n')}\n\nTools: curl --cacert ${ca} … or NODE_EXTRA_CA_CERTS=${ca}\n`)
    return 0
  }
  if (action !== 'install' && action !== 'remove') throw new Error(`trust ${action}: allowed are install and remove, or nothing to see what they do`)
  if (process.platform !== 'darwin') mkdirSync(SHARED, { recursive: true, mode: 0o700 })
  for (const step of steps[action]) {
    const done = spawnSync(step.command[0] as string, step.command.slice(1), { stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' })
    if (done.error) throw new Error(`${step.command[0]} is missing. On Debian: apt-get install libnss3-tools`)
    if (done.status !== 0 && !step.mayFail) throw new Error(`${shown(step)}\n${done.stderr}`)
  }
  process.stdout.write(action === 'install' ? 'Browsers of this user trust the doors from their next start.\n' : 'The doors are no longer trusted.\n')
  return 0
}

/** Chromium's store, and that of other programs with NSS. */
const SHARED = join(homedir(), '.pki/nssdb')
type Action = { command: string[]; mayFail?: boolean }
const shown = ({ command }: Action) => `  ${command.map((word) => /[^\w./:=-]/.test(word) ? `'${word}'` : word).join(' ')}`

/** Chromium and Firefox on Linux keep their own stores. @see certutil(1) */
function nss(ca: string, name: string): { install: Action[]; remove: Action[] } {
  const stores = [SHARED, ...globSync(join(homedir(), '.mozilla/firefox/*/cert9.db')).map(dirname)]
  const make: Action[] = existsSync(join(SHARED, 'cert9.db')) ? [] : [{ command: ['certutil', '-N', '-d', `sql:${SHARED}`, '--empty-password'] }]
  return {
    install: [...make, ...stores.map((store) => ({ command: ['certutil', '-A', '-d', `sql:${store}`, '-t', 'C,,', '-n', name, '-i', ca] }))],
    remove: stores.map((store) => ({ command: ['certutil', '-D', '-d', `sql:${store}`, '-n', name], mayFail: true })),
  }
}

function macos(ca: string): { install: Action[]; remove: Action[] } {
  const chain = join(homedir(), 'Library/Keychains/login.keychain-db')
  return { install: [{ command: ['security', 'add-trusted-cert', '-r', 'trustRoot', '-k', chain, ca] }], remove: [{ command: ['security', 'remove-trusted-cert', ca], mayFail: true }] }
}
