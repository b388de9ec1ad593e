import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalSegments, createPathTable } from './path-table.ts'

/** What the table must find, said the long way: every path in turn, literals before parameters. */
function findSlowly(paths: string[], segments: string[]): { value: string; params: Record<string, string> } | null {
  const weight = (path: string) => path.split('/').slice(1).map((s) => (s.startsWith('{') ? '1' : '0')).join('')
  for (const path of [...paths].sort((a, b) => weight(a).localeCompare(weight(b)))) {
    const pattern = path.split('/').slice(1)
    if (pattern.length !== segments.length || !pattern.every((want, i) => want.startsWith('{') || want === segments[i])) continue
    return { value: path, params: Object.fromEntries(pattern.flatMap((want, i) => (want.startsWith('{') ? [[want.slice(1, -1), segments[i]!]] : []))) }
  }
  return null
}

const few = fc.constantFrom('a', 'b', 'c', '')
const declared = fc.array(fc.oneof(few, fc.constantFrom('{x}', '{y}')), { minLength: 1, maxLength: 4 })
const pathOf = (segments: string[]) => `/${segments.join('/')}`

test('a path is found as by looking at each in turn', () => fc.assert(fc.property(fc.uniqueArray(declared.map(pathOf), { maxLength: 12 }), fc.array(few, { minLength: 1, maxLength: 4 }), (paths, segments) => {
  const table = createPathTable<string>()
  for (const path of paths) table.add(path, path)
  expect(table.find(segments)).toEqual(findSlowly(paths, segments))
}), { numRuns: 2_000 }))

/** The refusals and the decoding of one segment, without a shorter way for plain ones. */
function segmentsSlowly(path: string): string[] | null {
  if (!path.startsWith('/') || path.includes('//') || /[;\\]|%2f|%5c|%00|%25/i.test(path)) return null
  const segments: string[] = []
  for (const raw of path.slice(1).split('/')) {
    try {
      segments.push(decodeURIComponent(raw))
    } catch {
      return null
    }
  }
  return segments.some((s) => s === '.' || s === '..' || /[\u0000-\u001f\u007f]/.test(s) || s !== s.normalize('NFC')) ? null : segments
}

const piece = fc.oneof(fc.constantFrom('/', '.', '..', '//', '%2e', '%2F', '%25', '%41', '%c3%a9', 'e%CC%81', ';', '\\', '%', 'é', 'e\u0301', ' ', '\u0000', '\u007f', '~', '[', ']', ':', '@'), fc.string({ unit: 'binary', maxLength: 3 }), fc.string({ maxLength: 4 }))

test('every path is split or refused as by looking at each segment (EE1)', () => fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
  for (const path of [pieces.join(''), `/${pieces.join('')}`]) {
    let segments: string[] | null = null
    try {
      segments = canonicalSegments(path)
    } catch { /* refused */ }
    expect(segments).toEqual(segmentsSlowly(path))
  }
}), { numRuns: 5_000 }))
