/**
 * A product's illustration, drawn here and nowhere else: the same product always looks the same, no two look alike.
 *
 * The kind of thing comes from the product's name and category, composition and most colours from its number. None of the
 * seller's text is put into the drawing, so nothing in it can be executed or loaded (A1).
 */
import { motifOf, motifs } from './motifs.ts'
import { paletteOf, PALETTES, type Palette } from './palette.ts'

/** An SVG document of 600 × 600. */
export function drawPicture({ number, name, category }: { number: string; name: string; category: string }): string {
  const random = randomFrom(number)
  const running = Number(/\d+$/.exec(number)?.[0] ?? 0)
  // Neighbours in a list get palettes far apart.
  const p = paletteOf(name, running * 5 + Math.floor(hash(number.slice(0, 2)) % PALETTES), Math.round(random() * 28 - 14))
  const motif = motifOf(name, category)
  const body = motifs[motif]({ ...p, v: Math.round(random() * 100) / 100 })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600" width="600" height="600">${definitions(p)}<rect width="600" height="600" fill="url(#s)"/>${backdrop(p, random)}${motif === 'pendant' ? '' : ground(p, random)}${body}<rect width="600" height="600" fill="url(#v)"/></svg>`
}

const stops = (...colours: string[]) => colours.map((colour, i) => `<stop offset="${Math.round((100 * i) / (colours.length - 1))}%" stop-color="${colour}"/>`).join('')
const definitions = (p: Palette) => `<defs>`
  + `<linearGradient id="s" x2="0" y2="1">${stops(p.sky, p.haze)}</linearGradient>`
  + `<linearGradient id="m">${stops(p.light, p.main, p.main, p.dark)}</linearGradient>`
  + `<linearGradient id="a">${stops('#fff4de', p.accent, p.accent, p.main)}</linearGradient>`
  + `<linearGradient id="d">${stops(p.main, p.dark, p.ink)}</linearGradient>`
  + `<linearGradient id="t" x2="0" y2="1">${stops(p.table, p.haze)}</linearGradient>`
  + `<radialGradient id="g"><stop offset="0" stop-color="#ffe9a8" stop-opacity=".85"/><stop offset="1" stop-color="#ffe9a8" stop-opacity="0"/></radialGradient>`
  + `<radialGradient id="h"><stop offset=".2" stop-color="${p.ink}" stop-opacity=".5"/><stop offset="1" stop-color="${p.ink}" stop-opacity="0"/></radialGradient>`
  + `<radialGradient id="v" cx=".5" cy=".45" r=".75"><stop offset=".7" stop-color="${p.ink}" stop-opacity="0"/><stop offset="1" stop-color="${p.ink}" stop-opacity=".14"/></radialGradient></defs>`

/** What is behind: an arch, a sun, hills, a window or paper shapes, a little elsewhere each time. */
function backdrop(p: Palette, random: () => number): string {
  const x = Math.round(210 + random() * 180)
  const y = Math.round(150 + random() * 70)
  const kind = Math.floor(random() * 5)
  const dots = Array.from({ length: 6 }, () => `<circle cx="${Math.round(random() * 600)}" cy="${Math.round(random() * 330)}" r="${Math.round(3 + random() * 6)}" fill="#fff" opacity=".4"/>`).join('')
  const drawn = [
    () => `<path d="M${x - 190} 450 V${y + 120} A190 190 0 0 1 ${x + 190} ${y + 120} V450Z" fill="${p.shape}" opacity=".75"/><path d="M${x - 150} 450 V${y + 120} A150 150 0 0 1 ${x + 150} ${y + 120} V450Z" fill="${p.haze}" opacity=".6"/>`,
    () => `<circle cx="${x}" cy="${y + 50}" r="190" fill="${p.shape}" opacity=".7"/><circle cx="${x + 40}" cy="${y + 20}" r="120" fill="${p.sky}" opacity=".55"/>`,
    () => `<circle cx="${x + 60}" cy="${y - 30}" r="70" fill="${p.accent}" opacity=".75"/><path d="M0 450 V${y + 190} Q150 ${y + 60} 320 ${y + 170} T600 ${y + 110} V450Z" fill="${p.shape}" opacity=".6"/><path d="M0 450 V${y + 240} Q200 ${y + 150} 400 ${y + 230} T600 ${y + 200} V450Z" fill="${p.table}" opacity=".8"/>`,
    () => `<g opacity=".75"><rect x="${x - 170}" y="${y - 90}" width="340" height="420" rx="16" fill="${p.shape}"/><rect x="${x - 152}" y="${y - 72}" width="146" height="400" rx="6" fill="${p.sky}"/><rect x="${x + 6}" y="${y - 72}" width="146" height="400" rx="6" fill="${p.sky}"/><path d="M${x - 152} ${y + 110} l146 -120 M${x + 6} ${y + 180} l146 -120" stroke="#fff" stroke-width="26" opacity=".5"/></g>`,
    () => `<path d="M-20 ${y + 60} C120 ${y - 160} 300 ${y + 120} 640 ${y - 110} V-20 H-20Z" fill="${p.shape}" opacity=".55"/><path d="M640 ${y + 20} C480 ${y + 120} 420 ${y + 20} 330 450 H640Z" fill="${p.table}" opacity=".7"/><circle cx="${x - 90}" cy="${y + 90}" r="64" fill="${p.haze}" opacity=".8"/>`,
  ][kind]!()
  return drawn + dots
}

/** The table and the soft shadow on it, now and then with leaves or pebbles beside. */
function ground(p: Palette, random: () => number): string {
  const edge = Math.round(414 + random() * 16)
  const isLeft = random() < 0.5
  const at = isLeft ? 78 : 522
  const beside = [
    () => `<g transform="translate(${at} 462) scale(${isLeft ? 1 : -1} 1)">${[-58, -30, -4, 22].map((turn) => `<path d="M0 0 C-16 -40 -12 -84 0 -112 C12 -84 16 -40 0 0Z" transform="rotate(${turn})" fill="${turn % 4 ? p.shape : p.dark}" opacity=".65"/>`).join('')}</g>`,
    () => `<ellipse cx="${at}" cy="472" rx="40" ry="19" fill="${p.shape}"/><ellipse cx="${at + (isLeft ? 44 : -44)}" cy="482" rx="24" ry="13" fill="${p.dark}" opacity=".55"/>`,
    () => '',
  ][Math.floor(random() * 3)]!()
  return `<rect y="${edge}" width="600" height="${600 - edge}" fill="url(#t)"/><rect y="${edge}" width="600" height="3" fill="#fff" opacity=".35"/><ellipse cx="318" cy="456" rx="215" ry="30" fill="url(#h)"/>${beside}`
}

/** FNV-1a. @see https://www.rfc-editor.org/rfc/rfc9923 */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0)!, 0x01000193)
  return h >>> 0
}

/** Numbers in [0, 1) that depend on the text alone (mulberry32). */
function randomFrom(text: string): () => number {
  let state = hash(text)
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
