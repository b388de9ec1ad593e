/** Colours of an illustration, as hex strings. Chosen by hand; a product's number picks one and turns its hue a little. */
export type Palette = { sky: string; haze: string; shape: string; table: string; main: string; dark: string; light: string; accent: string; ink: string }

// sky, haze, shape, table, main, dark, light, accent, ink
const CHOSEN = [
  'f6e7d8 f2cfb3 e9b28d dcae8c c8553d 8f3424 eb8f71 f2c14e 4a2318',
  'e4efe9 c6dfd3 9cc4b2 b9d0c0 3f7d6a 245347 7fb8a4 f0b67f 17352d',
  'e9ecf7 ccd4ee a3b1df bcc4e0 4a5fa5 2c3a73 8ea0d8 f3a683 1b2447',
  'fbf1dc f6dfae eec773 e8cf98 d98e2b 97591a f5be6a 5b8e7d 4d2f10',
  'f4e6ec ebc8d6 dba0b8 dcb7c5 a4476d 6f2848 d184a5 f2d0a4 41172b',
  'e6eef2 c5d9e3 93b9cb b3cbd6 2f6c8c 1b455d 74a9c4 f4a259 12303f',
  'efece4 ddd5c4 c2b59b cfc5b1 7d6b53 50432f b3a083 c8553d 322a1d',
  'eaf1de d3e2b8 afca83 c3d3a4 6b8f3a 435d20 a5c470 e07a5f 2b3b15',
  'ece6f3 d5c6e8 b49ad4 c5b4dc 6f4aa0 48306d a688cf f2c14e 2c1c45',
  'fdeee6 fbd3c0 f5a98b edbda7 e0654a 9c3d2a f5a08b 3d5a80 51200f',
  'e3f0f0 bfdedd 8bc0bf add0ce 2a8a8a 175c5d 6dbcba ee964b 0f3c3d',
  'f3efe9 e3d9cd cbb8a3 d6c8b8 3c3f4a 20222b 757a89 d9a441 14151b',
  'dfe4ea bcc7d3 8fa2b5 a9b7c4 ebe6dc b9b0a2 fffdf8 c8553d 3d4652',
]
/** Colours that a product's name promises; whatever promises none goes by its number. */
const NAMED: [RegExp, number][] = [[/white|moon|bone/i, 12], [/celadon/i, 1], [/\b(blue|midnight|rain|sea)\b/i, 2], [/brass|golden/i, 3], [/fig|sencha/i, 7], [/persimmon/i, 9], [/graphite|steel/i, 11], [/\bash\b|speckled|\boat\b|onggi/i, 6]]
const NAMES = ['sky', 'haze', 'shape', 'table', 'main', 'dark', 'light', 'accent', 'ink'] as const

/** How many there are to go by number; the last is for white things only. */
export const PALETTES = CHOSEN.length - 1

/** `turn`: degrees on the colour wheel. */
export function paletteOf(name: string, index: number, turn: number): Palette {
  const named = NAMED.find(([word]) => word.test(name))?.[1]
  const colours = CHOSEN[named ?? index % PALETTES]!.split(' ')
  return Object.fromEntries(NAMES.map((name, i) => [name, turned(colours[i]!, turn)])) as Palette
}

/** Rotates the hue around the grey axis, keeping lightness. */
function turned(hex: string, degrees: number): string {
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number]
  const cos = Math.cos((degrees * Math.PI) / 180)
  const sin = Math.sin((degrees * Math.PI) / 180)
  const grey = (1 - cos) / 3
  const swing = Math.sqrt(1 / 3) * sin
  const mix = (x: number, y: number, z: number) => x * (cos + grey) + y * (grey - swing) + z * (grey + swing)
  const hexOf = (value: number) => Math.round(Math.min(255, Math.max(0, value))).toString(16).padStart(2, '0')
  return `#${hexOf(mix(r, g, b))}${hexOf(mix(g, b, r))}${hexOf(mix(b, r, g))}`
}
