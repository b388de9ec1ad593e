/** What a person sees: one line a component with its state and seconds, plain where nobody watches a terminal. */
import { styleText } from 'node:util'
import { demoAccounts } from './accounts.ts'
import { originOf, passwordOf } from './launch-documents.ts'
import type { StepEvent } from './steps.ts'
import type { Plan } from './plan.ts'
import type { System } from '../system.ts'

export type Screen = { step(event: StepEvent): void; note(text: string): void; say(text: string): void; close(): void }

export const isPlain = (env: NodeJS.ProcessEnv, isTerminal: boolean) => !isTerminal || Boolean(env.NO_COLOR) || Boolean(env.CI)
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

export function openScreen(env: NodeJS.ProcessEnv, out: NodeJS.WriteStream): Screen {
  const plain = isPlain(env, Boolean(out.isTTY))
  const paint = (format: Parameters<typeof styleText>[0], text: string) => plain ? text : styleText(format, text, { validateStream: false })
  const running = new Map<string, number>()
  let frame = 0
  const erase = () => { if (!plain) out.write('\r\x1b[K') }
  const draw = () => {
    if (plain || running.size === 0) return
    const line = `${FRAMES[frame++ % FRAMES.length]} ${[...running.keys()].join(', ')}`
    erase()
    out.write(paint('dim', line.slice(0, (out.columns || 80) - 1)))
  }
  const timer = plain ? undefined : setInterval(draw, 100).unref()
  const print = (text: string) => { erase(); out.write(`${text}\n`); draw() }
  return {
    step({ name, state, seconds, note }) {
      if (state === 'running') {
        running.set(name, Date.now())
        draw()
        return
      }
      running.delete(name)
      const mark = state === 'done' ? paint('green', 'ready ') : paint('red', 'failed')
      print(`  ${mark} ${name.padEnd(22)} ${seconds.toFixed(1).padStart(5)} s${note ? `  ${paint('dim', note)}` : ''}`)
    },
    note: (text) => print(paint('dim', `  ${text}`)),
    say: print,
    close() {
      clearInterval(timer)
      running.clear()
      erase()
    },
  }
}

export type Summary = { system: System; plan: Plan; secret(name: string): string; seconds: number; memoryBytes: number | null; processes: number; losses: string[]; ca: string; has(name: string): boolean }

/** The last screen: doors, accounts, what to try, what it takes. */
export function summarize(s: Summary): string {
  const lines = [`${s.system.brand} is up after ${s.seconds.toFixed(1)} s: ${s.processes} processes${s.memoryBytes === null ? '' : `, ${(s.memoryBytes / 1e6).toFixed(0)} MB of memory (PSS)`}`, '']
  const door = (label: string, name: string, port: string) => s.has(name) && lines.push(`  ${label.padEnd(22)}${originOf(s.plan, name, port)}`)
  door('Storefront', 'edge', 'web')
  door('API for native apps', 'edge', 'mobile')
  door('API for partners', 'edge', 'partner')
  door('Sign-in', 'identity', 'door')
  door('Dashboard', 'monitor', 'door')
  door('Payment provider', 'psp', 'door')
  if (s.has('identity')) {
    lines.push('', '  Accounts')
    for (const { username, role } of demoAccounts(s.system.trustDomain)) lines.push(`    ${username.padEnd(10)}${role.padEnd(10)}${s.secret(passwordOf(username))}`)
  }
  if (s.has('edge')) lines.push('', '  Try: open the storefront, sign in as alice, pay with card 4242 4242 4242 4242.', `  Browsers warn until they trust the doors: npm run trust -- install (or use ${s.ca})`)
  lines.push('  npm run status · npm run logs -- edge --follow · npm run down')
  if (s.losses.length > 0) lines.push('', '  This machine does not give:', ...s.losses.map((loss) => `    - ${loss}`))
  return lines.join('\n')
}
