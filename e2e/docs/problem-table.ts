/** The problems that the source defines, as rows of docs/problems.md. Nothing of the product is loaded: its text is read. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Kind = { name: string | undefined; file: string; code: string; status: string; title: string; advice: string; detection: string }

/** `problem('code', 409, 'Title', 'Advice', 'DETECTION')`; title and advice may be another kind's. */
const CALL = /(?:const (\w+) = |^\s*)problem\(([^\n]*)\),?$/gm
const ARGUMENT = /'((?:[^'\\]|\\.)*)'|(\d+)|(\w+)\.(title|advice)/g

const sources = (root: string) => globSync('{gateway,infra,services}/**/*.ts', { cwd: root, exclude: (name) => name === 'node_modules' }).filter((file) => !/\.test\.ts$|(^|\/)test-/.test(file)).sort()

function readKinds(root: string): Kind[] {
  const found: { name: string | undefined; file: string; values: RegExpMatchArray[] }[] = []
  for (const file of sources(root)) {
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, name, list] of text.matchAll(CALL)) found.push({ name, file, values: [...list!.matchAll(ARGUMENT)] })
    const calls = text.match(/(?<!function |\w)problem\(/g)?.length ?? 0
    const read = found.filter((one) => one.file === file).length
    if (calls !== read) throw new Error(`${file} calls problem() ${calls} times, ${read} could be read: keep each on a line of its own`)
  }
  const plain = (value: RegExpMatchArray | undefined): string => {
    if (!value) return ''
    if (value[3]) return plain(found.find((one) => one.name === value[3])?.values[value[4] === 'title' ? 2 : 3])
    return (value[1] ?? value[2] ?? '').replaceAll(/\\(.)/g, '$1').replaceAll('’', "'")
  }
  return found.map(({ name, file, values: [code, status, title, advice, detection] }) => ({ name, file, code: plain(code), status: plain(status), title: plain(title), advice: plain(advice), detection: plain(detection) }))
}

/** Who answers it, for readers: a process, or the gateways, or every process. */
function answererOf(file: string): string {
  const [top, part] = file.split('/')
  if (file === 'infra/chassis/problem.ts') return 'any'
  if (file === 'infra/chassis/tls.ts') return 'whoever speaks mutual TLS'
  if (file === 'infra/chassis/event-signature.ts') return 'consumers of events'
  if (file === 'infra/chassis/plain-http.ts') return 'micro-gateways, other doors'
  if (file === 'infra/chassis/caller.ts') return 'micro-gateways, services'
  if (top === 'gateway' && part !== 'edge') return part === 'upstream' ? 'gateways, calling' : 'micro-gateways'
  return top === 'infra' && part === 'chassis' ? 'services' : part!
}

/** One row for each code, status, title and advice. */
export function problemRows(root: string): string[] {
  const rows = new Map<string, { who: Set<string>; detections: Set<string> }>()
  for (const { file, code, status, title, advice, detection } of readKinds(root)) {
    const key = `| \`${code}\` | ${status} | ${title} | ${advice} |`
    const row = rows.get(key) ?? { who: new Set(), detections: new Set() }
    row.who.add(answererOf(file))
    if (detection) row.detections.add(detection)
    rows.set(key, row)
  }
  return [...rows].map(([key, { who, detections }]) => `${key} ${[...who].sort().join(', ')} | ${[...detections].sort().join(', ') || '–'} |`).sort()
}

/** What the exchange and its parts refuse with, by OAuth's errors: `| invalid_grant | actor-chain, … |`. */
export function refusalRows(root: string): string[] {
  const codes = new Map<string, Set<string>>()
  for (const file of sources(root).filter((path) => path.startsWith('infra/exchange/')))
    for (const [, first, code, isOpen] of readFileSync(join(root, file), 'utf8').matchAll(/new Refusal\((.*?), ['`]([\w-]+)(\$\{)?/g))
      for (const [, error] of first!.matchAll(/'([a-z]+(?:_[a-z]+)+)'/g)) codes.set(error!, (codes.get(error!) ?? new Set()).add(isOpen ? `${code}…` : code!))
  return [...codes].map(([error, set]) => `| \`${error}\` | ${[...set].sort().map((code) => `\`${code}\``).join(', ')} |`).sort()
}
