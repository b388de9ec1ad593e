import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { problemRows, refusalRows } from './problem-table.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/problems.md'), 'utf8')
const rowsOf = (pattern: RegExp) => page.split('\n').filter((line) => pattern.test(line)).sort()

// A missing row shows below as the line to paste, an extra one as the line to delete.
test('docs/problems.md has exactly the problems that the source defines', () => expect(rowsOf(/^\| `[a-z0-9-]+` \| \d{3} \|/)).toEqual(problemRows(root)))

test('and exactly the refusals of the exchange', () => expect(rowsOf(/^\| `[a-z]+(_[a-z]+)+` \|/)).toEqual(refusalRows(root)))
