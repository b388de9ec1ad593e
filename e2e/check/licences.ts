/** Licences of what is installed: permissive ones pass, others must be named here with the reason. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PERMISSIVE = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'CC0-1.0', 'BlueOak-1.0.0', 'Unlicense', 'Python-2.0', 'CC-BY-4.0', 'CC-BY-3.0', 'MIT-0', 'WTFPL', 'Zlib'])
/** Used, not shipped: file-level copyleft, in tests only. */
const NAMED: Record<string, string> = { 'axe-core': 'MPL-2.0', lightningcss: 'MPL-2.0' }

/** Resolves `A OR B` to any, `A AND B` to all. */
function isPermissive(expression: string): boolean {
  const plain = expression.replaceAll(/[()]/g, '')
  return plain.split(/ OR /i).some((choice) => choice.split(/ AND /i).every((one) => PERMISSIVE.has(one.trim())))
}

export function licences(root: string): string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { license?: string; link?: boolean }> }
  const wrong: string[] = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue
    if (entry.link) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 13)
    const file = join(root, path, 'package.json')
    const licence = entry.license ?? (existsSync(file) ? String((JSON.parse(readFileSync(file, 'utf8')) as { license?: string }).license) : 'not installed here')
    if (isPermissive(licence)) continue
    const isNamed = Object.entries(NAMED).some(([known, allowed]) => (name === known || name.startsWith(`${known}-`)) && licence === allowed)
    if (!isNamed) wrong.push(`${name}: ${licence}`)
  }
  return wrong
}
