import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readCheckout, shopDirOf } from '../checkout.ts'
import { writeWhole } from '../files.ts'
import { closeRunDir } from '../run-dir.ts'
import { takeDown } from './down.ts'

/** The id and ports of this checkout, and what tests left to read. */
const KEPT = ['checkout.json', 'test', 'reports']
/** The doors' authority that browsers were told to trust, and the token that holds its key. */
const KEPT_STATE = ['doors', 'vault']

export async function reset(): Promise<number> {
  const shopDir = shopDirOf(process.env)
  await takeDown(shopDir)
  closeRunDir((await readCheckout(process.env)).id)
  deleteData(shopDir)
  process.stdout.write('All data of this checkout are deleted; ports and the doors\' authority stay.\n')
  return 0
}

export function deleteData(shopDir: string): void {
  if (!existsSync(shopDir)) return
  const secrets = join(shopDir, 'secrets.json')
  const pin = existsSync(secrets) ? (JSON.parse(readFileSync(secrets, 'utf8')) as Record<string, string>)['vault-pin'] : undefined
  for (const name of readdirSync(shopDir).filter((entry) => !KEPT.includes(entry))) {
    if (name === 'state') for (const inner of readdirSync(join(shopDir, name)).filter((entry) => !KEPT_STATE.includes(entry))) rmSync(join(shopDir, name, inner), { recursive: true, force: true })
    else rmSync(join(shopDir, name), { recursive: true, force: true })
  }
  if (pin) writeWhole(secrets, JSON.stringify({ 'vault-pin': pin }))
}
