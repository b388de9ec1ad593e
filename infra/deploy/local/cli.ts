/** The commands, one table. `npm run NAME -- --help` prints a command's own text. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { commands, type Command } from './commands.ts'

const [name = 'help', ...rest] = process.argv.slice(2)
// For this process alone: what it starts has its own.
delete process.env.NODE_COMPILE_CACHE

function help(): string {
  return ['Commands (npm start, npm test, npm run NAME -- OPTIONS):', '', ...Object.entries(commands).map(([key, { summary }]) => `  ${key.padEnd(14)}${summary}`), '', 'Environment: SHOP_DIR moves .shop, SHOP_PORT is the first of a block of 100 ports, SHOP_INSTANCES=order=3,catalog=2,\n  SHOP_LIFETIMES=mesh=20,data=30,backing=40,keys=30 shortens certificates and signing keys to watch renewal (seconds).'].join('\n')
}

async function main(): Promise<number> {
  if (name === 'help' || name === '--help') return say(help(), 0)
  const command: Command | undefined = commands[name]
  if (!command) return say(`There is no command '${name}'.\n\n${help()}`, 1, process.stderr)
  const usage = [`${command.usage}\n\n${command.summary}`, ...(command.details ? [command.details] : [])].join('\n\n')
  if (rest.includes('--help') && rest.indexOf('--') === -1) return say(usage, 0)
  if (command.passesArguments) return command.run({ values: {}, positionals: rest })
  let parsed: { values: Record<string, any>; positionals: string[] }
  try {
    parsed = parseArgs({ args: rest, options: command.options ?? {}, allowPositionals: command.takesNames ?? false, strict: true } satisfies ParseArgsConfig) as typeof parsed
  } catch (error) {
    return say(`${(error as Error).message}\n\n${usage}`, 1, process.stderr)
  }
  return command.run(parsed)
}

function say(text: string, status: number, to: NodeJS.WriteStream = process.stdout): number {
  to.write(`${text}\n`)
  return status
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${process.env.SHOP_DEBUG ? (error as Error).stack : (error as Error).message}\n`)
  process.exitCode = 1
}
process.exit()
