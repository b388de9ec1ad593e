/** Which system this is: the repository, its `.shop` folder, a short id and a block of ports, chosen once and kept. */
import { createHash, randomInt } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readOwn, writeWhole } from './files.ts'
import { BLOCK } from './plan.ts'
import { isBlockFree } from './ports.ts'

export type Checkout = {
  repo: string
  /** `.shop`, or where SHOP_DIR says. */
  shopDir: string
  /** Six hexadecimal digits: part of socket folders and cookie names. */
  id: string
  portBase: number
}

const saved = z.strictObject({ id: z.string().regex(/^[0-9a-f]{6}$/), portBase: z.int(), shopDir: z.string() })
export const repo = realpathSync(resolve(dirname(fileURLToPath(import.meta.url)), '../../..'))

export const shopDirOf = (env: NodeJS.ProcessEnv) => resolve(repo, env.SHOP_DIR || '.shop')
/** Tests run a system of their own beside the one that people use. */
export const testDirOf = (env: NodeJS.ProcessEnv) => join(shopDirOf(env), 'test')

/** Reads `checkout.json`, or chooses. A copied folder is another checkout, so it gets an id and ports of its own. */
export async function readCheckout(env: NodeJS.ProcessEnv): Promise<Checkout> {
  const shopDir = shopDirOf(env)
  const file = join(shopDir, 'checkout.json')
  const before = existsSync(file) ? saved.safeParse(readOwn(file, 'Remove it and start again: another id and other ports are chosen.')).data : undefined
  const isCopy = before && before.shopDir !== shopDir && existsSync(join(before.shopDir, 'checkout.json'))
  const wanted = env.SHOP_PORT ? wholePort(env.SHOP_PORT) : undefined
  const kept = before && !isCopy ? before : undefined
  const id = kept?.id ?? createHash('sha256').update(`${shopDir} ${Date.now()}`).digest('hex').slice(0, 6)
  const portBase = wanted ?? kept?.portBase ?? await chooseBlock()
  openShopDir(shopDir)
  if (id !== before?.id || portBase !== before.portBase || shopDir !== before.shopDir) writeWhole(file, JSON.stringify({ id, portBase, shopDir }), 0o644)
  return { repo, shopDir, id, portBase }
}

/** Others may pass through to what is theirs, and see nothing. */
export function openShopDir(shopDir: string): void {
  let isOurs: boolean
  try {
    mkdirSync(shopDir, { recursive: true, mode: 0o711 })
    isOurs = statSync(shopDir).uid === process.getuid?.()
    if (isOurs) chmodSync(shopDir, 0o711)
  } catch (error) {
    throw new Error(`${shopDir} cannot be written (${(error as Error).message}): make it writable, or set SHOP_DIR to a folder that is`)
  }
  if (!isOurs) throw new Error(`${shopDir} belongs to another user: run as that user, or set SHOP_DIR to a folder of your own`)
}

function wholePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1024 || port > 65_535 - BLOCK) throw new Error(`SHOP_PORT=${text}: allowed is a whole number from 1024 to ${65_535 - BLOCK}, the first of ${BLOCK} ports`)
  return port
}

/** Below the range that systems give to outgoing connections (32768), whose numbers come and go, and below the ports of the tests of parts (21000 on). */
async function chooseBlock(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 10_000 + BLOCK * randomInt(0, 110)
    if (await isBlockFree(base)) return base
  }
  throw new Error(`No ${BLOCK} free ports in a row between 20000 and 32000: set SHOP_PORT to the first of a free block`)
}
