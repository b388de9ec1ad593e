/** Every command: what it does, its options, and where it is. Modules are loaded when their command runs. */
import type { ParseArgsOptionsConfig } from 'node:util'

export type Parsed = { values: Record<string, any>; positionals: string[] }
export type Command = {
  usage: string
  summary: string
  details?: string
  options?: ParseArgsOptionsConfig
  takesNames?: boolean
  /** Hands everything on to a script of its own. */
  passesArguments?: boolean
  run(parsed: Parsed): Promise<number>
}

const size = {
  instances: { type: 'string' }, only: { type: 'string' }, background: { type: 'boolean' },
} satisfies ParseArgsOptionsConfig
const SIZE = '  --instances order=3,catalog=2   how many of each service (also SHOP_INSTANCES)\n  --only vault,pki,postgres       development: start these alone'

export const commands: Record<string, Command> = {
  start: { usage: 'npm start [-- --instances NAME=COUNT,…]', summary: 'brings the whole system up in the foreground until Ctrl-C', details: SIZE, options: size, run: async (parsed) => (await import('./commands/start.ts')).start(parsed) },
  up: { usage: 'npm run up', summary: 'the same in the background; returns when everything is healthy', details: SIZE, options: size, run: async (parsed) => (await import('./commands/up.ts')).up(parsed) },
  down: { usage: 'npm run down', summary: 'stops the system', run: async () => (await import('./commands/down.ts')).down() },
  reset: { usage: 'npm run reset', summary: 'stops and deletes all data of this checkout; ports and the doors\' authority stay', run: async () => (await import('./commands/reset.ts')).reset() },
  status: { usage: 'npm run status [-- --json]', summary: 'every process, instance, health, version, restarts', options: { json: { type: 'boolean' } }, run: async (parsed) => (await import('./commands/status.ts')).status(parsed) },
  logs: { usage: 'npm run logs -- NAME [--follow] [--lines N]', summary: "one process's structured log", takesNames: true, options: { follow: { type: 'boolean', short: 'f' }, lines: { type: 'string' } }, run: async (parsed) => (await import('./commands/logs.ts')).logs(parsed) },
  trust: { usage: 'npm run trust [-- install|remove]', summary: 'prints or performs what makes browsers trust the doors', takesNames: true, run: async (parsed) => (await import('./commands/trust.ts')).trust(parsed) },
  test: { usage: 'npm test [-- VITEST OPTIONS]', summary: 'everything that must pass, on a system of its own', passesArguments: true, run: async (parsed) => (await import('./commands/test.ts')).test(parsed) },
  'test:faults': { usage: 'npm run test:faults', summary: 'the long run of kills under orders', passesArguments: true, run: async (parsed) => (await import('./commands/test.ts')).testFaults(parsed) },
  attack: { usage: 'npm run attack [-- ID… | --all | --fast]', summary: 'attacks the running system: control on, off, on again', passesArguments: true, run: async (parsed) => (await import('./commands/script.ts')).script('e2e/attacks/main.ts', parsed, true) },
  lab: {
    usage: 'npm run lab -- off CONTROL [--for 30m] | on CONTROL | on --all | list | as NAME CMD… | deploy SERVICE HOST:PORT… | recall ID…', summary: 'switches one named control off or on; runs a command as a compromised service; deploys an instance that is none',
    passesArguments: true, run: async (parsed) => (await import('./commands/lab.ts')).lab(parsed),
  },
  as: { usage: 'npm run as -- NAME [--door web|partner]', summary: 'a plain HTTP address that is NAME at a door: for tools without scripts', passesArguments: true, run: async (parsed) => (await import('./commands/script.ts')).script('e2e/as/main.ts', parsed) },
  check: { usage: 'npm run check', summary: 'types, lint, imports, generated files, map of strategies', passesArguments: true, run: async (parsed) => (await import('./commands/script.ts')).script('e2e/check/main.ts', parsed) },
  bench: { usage: 'npm run bench [-- NAME…]', summary: 'side-by-side ratios', passesArguments: true, run: async (parsed) => (await import('./commands/script.ts')).script('e2e/bench/main.ts', parsed) },
  'dead-letters': { usage: 'npm run dead-letters -- list | replay NAME', summary: 'events that a service could not handle: shown, or handed back', takesNames: true, run: async (parsed) => (await import('./commands/dead-letters.ts')).deadLetters(parsed) },
}
