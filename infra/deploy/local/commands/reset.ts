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
  const isKept = deleteData(shopDir)
  process.stdout.write(`All data of this checkout are deleted; ${isKept ? 'ports and the doors\' authority stay' : 'ports stay. The PIN of the vault was lost, so the doors get another authority'}.\n`)
  return 0
}

/** False when the doors' authority could not be kept: a token without its PIN would stop every later start. */
export function deleteData(shopDir: string): boolean {
  if (!existsSync(shopDir)) return true
  const secrets = join(shopDir, 'secrets.json')
  const pin = pinIn(secrets)
  const isLost = pin === undefined && existsSync(join(shopDir, 'state/vault'))
  const keptState = isLost ? [] : KEPT_STATE
  for (const name of readdirSync(shopDir).filter((entry) => !KEPT.includes(entry))) {
    if (name === 'state') for (const inner of readdirSync(join(shopDir, name)).filter((entry) => !keptState.includes(entry))) rmSync(join(shopDir, name, inner), { recursive: true, force: true })
    else rmSync(join(shopDir, name), { recursive: true, force: true })
  }
  if (pin) writeWhole(secrets, JSON.stringify({ 'vault-pin': pin }))
  return !isLost
}

function pinIn(secrets: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(secrets, 'utf8')) as Record<string, string>)['vault-pin']
  } catch {
    return undefined
  }
}
