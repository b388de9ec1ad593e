/**
 * Holds docs/strategies.md to the tree, both ways: every id has one row; a file that a row names exists and speaks of
 * the id; an id that code, tests or attacks speak of has a row; a row without proof says 'unfinished'.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'node:fs'

export type Row = { id: string; state: string; files: string[]; line: string }

const ID = /\b[SAGMT]\d+(?:\.\d+)?\b/g

/** Rows of the table: `| S1.1 | what | state | code | proof | lab |`. */
export function readRows(markdown: string): Row[] {
  return markdown.split('\n').filter((line) => /^\| [SAGMT]\d+(\.\d+)? \|/.test(line)).map((line) => {
    const cells = line.split('|').slice(1, -1).map((cell) => cell.trim())
    return { id: cells[0]!, state: cells[2]!, files: [...line.matchAll(/`([\w./-]+\/[\w./-]+)`/g)].map((m) => m[1]!), line }
  })
}

export function strategyMap(root: string): string[] {
  const wrong: string[] = []
  const rows = readRows(readFileSync(join(root, 'docs/strategies.md'), 'utf8'))
  const known = new Set(rows.map((row) => row.id))
  if (known.size !== rows.length) wrong.push('an id stands twice')
  for (const { id, state, files } of rows) {
    if (!['proven', 'runs', 'unfinished'].includes(state)) wrong.push(`${id}: state '${state}' is none of proven, runs, unfinished`)
    if (state !== 'unfinished' && files.length === 0) wrong.push(`${id}: names no file`)
    if (state === 'proven' && !files.some((file) => file.startsWith('e2e/'))) wrong.push(`${id}: proven, but names nothing in e2e/`)
    for (const file of files) {
      if (!existsSync(join(root, file))) wrong.push(`${id}: ${file} does not exist`)
      else if (file.endsWith('.ts') && !new RegExp(`\\b${id.replace('.', '\\.')}\\b`).test(readFileSync(join(root, file), 'utf8'))) wrong.push(`${id}: ${file} does not speak of it`)
    }
  }
  for (const file of globSync(['{services,gateway,infra,e2e}/**/*.{ts,yaml,sql,cedar}'], { cwd: root, exclude: (name) => name === 'node_modules' }))
    for (const [id] of readFileSync(join(root, file), 'utf8').matchAll(ID))
      if (!known.has(id) && isIdLike(id)) wrong.push(`${file} speaks of ${id}, which docs/strategies.md does not have`)
  return [...new Set(wrong)]
}

/** 'S3' alone, 'A4' (paper), 'T1' are ids or words; only dotted ones and those in range are judged. */
const isIdLike = (id: string) => /^S\d+\.\d+$/.test(id)
