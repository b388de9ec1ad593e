import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { motifOf, motifs } from './motifs.ts'
import { drawPicture } from './picture.ts'

const assortment = [...readFileSync(new URL('../migrations/0002_assortment.sql', import.meta.url), 'utf8').matchAll(/^ {2}\('([A-Z]{2}-\d{4})', '([^']+)', \d+, \d+, '((?:[^']|'')+)'/gm)]
  .map(([, number, category, name]) => ({ number: number!, category: category!, name: name! }))

test('the assortment has at least 60 products, and no two pictures are alike', () => {
  expect(assortment.length).toBeGreaterThanOrEqual(60)
  expect(new Set(assortment.map(drawPicture)).size).toBe(assortment.length)
})

test('products of one kind still differ', () => {
  const mugs = Array.from({ length: 300 }, (_, i) => drawPicture({ number: `HK-${String(i).padStart(4, '0')}`, name: 'Mug', category: 'Tableware' }))
  expect(new Set(mugs).size).toBe(300)
})

test('every motif is used by a demo product', () => {
  expect(Object.keys(motifs).filter((name) => !assortment.some((p) => motifOf(p.name, p.category) === name))).toEqual([])
})

test('A1 nothing that a seller wrote is in the picture, and it loads nothing', () => {
  const svg = drawPicture({ number: 'HK-0001', name: 'Bowl <script>alert(1)</script>', category: '" onload="x' })
  expect(svg).not.toMatch(/script|onload|Bowl/)
  expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|href|url\((?!#)/)
})

test('the same product looks the same every time', () => {
  expect(drawPicture(assortment[0]!)).toBe(drawPicture({ ...assortment[0]! }))
})

test.each([['House Espresso', 'bag'], ['French Press', 'press'], ['Pressed Flower Cards', 'cards'], ['Two-Tone Espresso Cup', 'cup'], ['Celadon Tea Bowl', 'bowl'], ['Something New', 'bag']])('%s is drawn as a %s', (name, motif) => {
  expect(motifOf(name, 'Coffee & Tea')).toBe(motif)
})
