/** `npm run as -- NAME [--door web|partner]`: a plain HTTP address on this machine that is NAME at a door, until Ctrl-C. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const USAGE = `npm run as -- NAME [--door web|partner]
  --door web       NAME is a customer, seller or member of staff (default)
  --door partner   NAME is a partner's client id`

async function main(): Promise<number> {
  const { values: { door = 'web', help }, positionals: [name, ...more] } = parseArgs({ allowPositionals: true, options: { door: { type: 'string' }, help: { type: 'boolean' } } })
  if (help) return say(USAGE, 0)
  if (process.env['NODE_ENV'] === 'production') throw new Error('This is refused in production: it hands out somebody\'s session.')
  if (door === 'mobile') throw new Error('The mobile door takes no users yet: it offers public reads, which need no help. Use --door web.')
  if (!name || more.length || (door !== 'web' && door !== 'partner')) throw new Error(USAGE)
  if (!existsSync(process.env['SHOP_ENDPOINTS'] ?? join(process.env['SHOP_DIR'] ?? '.shop', 'endpoints.json'))) throw new Error('Nothing runs. Start it with npm start.')
  const { partnerDoor, webDoor } = await import('./doors.ts')
  const { startForwarder, TOKEN_HEADER } = await import('./forward.ts')
  const forwarder = await startForwarder(await (door === 'web' ? webDoor(name) : partnerDoor(name)))
  say(`${name} at the ${door} door: ${forwarder.url}\nEach request needs the header  ${TOKEN_HEADER}: ${forwarder.token}\n\n  curl -H '${TOKEN_HEADER}: ${forwarder.token}' ${forwarder.url}/${door === 'web' ? 'api/session' : 'api/products'}\n\nCtrl-C ends it.`, 0)
  await new Promise<void>((resolve) => { for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve()) })
  await forwarder.close()
  return 0
}

function say(text: string, status: number): number {
  process.stdout.write(`${text}\n`)
  return status
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
process.exit()
