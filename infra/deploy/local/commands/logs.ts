import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { shopDirOf } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { lastLines, logPath } from '../logs.ts'

export async function logs({ values, positionals }: Parsed): Promise<number> {
  const shopDir = shopDirOf(process.env)
  const folder = join(shopDir, 'logs')
  const names = existsSync(folder) ? readdirSync(folder).flatMap((name) => name.endsWith('.log') ? [name.slice(0, -4)] : []).sort() : []
  const [name] = positionals
  if (!name || !names.includes(name)) throw new Error(`${name ? `There is no log of '${name}'.` : 'Name a process.'} There are: ${names.join(', ') || 'none yet'}`)
  const lines = values.lines === undefined ? undefined : Number(values.lines)
  if (lines !== undefined && !(Number.isInteger(lines) && lines > 0)) throw new Error(`--lines ${values.lines}: allowed is a whole number above 0`)
  const path = logPath(shopDir, name)
  let at = 0
  if (lines !== undefined) {
    at = statSync(path).size
    process.stdout.write(`${lastLines(path, lines).join('\n')}\n`)
  }
  do {
    const { size } = statSync(path)
    if (size < at) at = 0 // cut, because it had grown too long
    if (size > at) for await (const chunk of createReadStream(path, { start: at, end: size - 1 })) process.stdout.write(chunk)
    at = size
    if (values.follow) await sleep(200)
  } while (values.follow)
  return 0
}
