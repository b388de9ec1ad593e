/**
 * What stands on the table: one drawing for each kind of product, on a canvas of 600 × 600 with the ground at y = 450.
 *
 * `url(#m)`, `url(#a)`, `url(#d)` are round bodies in main colour, accent and dark; `url(#g)` glows. Shapes come in
 * variants: `v` (0 to 1) widens or shortens them, so that two mugs of one palette still differ.
 */
import type { Palette } from './palette.ts'

export type Brush = Palette & { v: number }
type Motif = (b: Brush) => string

const path = (d: string, fill: string, rest = '') => `<path d="${d}" fill="${fill}" ${rest}/>`
const line = (d: string, stroke: string, width: number, rest = '') => `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round" ${rest}/>`
const oval = (x: number, y: number, rx: number, ry: number, fill: string, rest = '') => `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${fill}" ${rest}/>`
const box = (x: number, y: number, w: number, h: number, r: number, fill: string, rest = '') => `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="${r}" fill="${fill}" ${rest}/>`
const shine = (d: string, width = 10) => line(d, '#fff', width, 'opacity=".38"')
const group = (transform: string, inner: string) => `<g transform="${transform}">${inner}</g>`
const steam = (x: number, y: number) => [-26, 6, 36].map((dx, i) => line(`M${x + dx} ${y} q-16 -26 0 -50 t0 -${44 + i * 8}`, '#fff', 7, 'opacity=".55"')).join('')
const flame = (x: number, y: number, s = 1) => group(`translate(${x} ${y}) scale(${s})`, oval(0, -30, 70, 80, 'url(#g)') + path('M0 0 C-22 -14 -16 -42 0 -66 C16 -42 22 -14 0 0Z', '#ffb84d')
  + path('M0 -2 C-11 -10 -8 -26 0 -40 C8 -26 11 -10 0 -2Z', '#fff3c4'))
const label = (x: number, y: number, w: number, h: number, b: Brush) => box(x, y, w, h, 6, b.sky)
  + box(x + w * 0.18, y + h * 0.24, w * 0.64, 6, 3, b.dark) + box(x + w * 0.3, y + h * 0.46, w * 0.4, 4, 2, b.dark, 'opacity=".6"')
  + oval(x + w / 2, y + h * 0.76, h * 0.11, h * 0.11, b.accent)

export const motifs = {
  bowl: (b) => path('M150 310 C156 405 220 446 300 446 C380 446 444 405 450 310Z', 'url(#m)') + path('M236 436 h128 l-8 16 h-112z', b.dark)
    + oval(300, 310, 150, 30 + b.v * 8, b.light) + oval(300, 313, 136, 25 + b.v * 8, 'url(#d)')
    + line(`M160 ${345 + b.v * 20} C230 ${385 + b.v * 20} 370 ${385 + b.v * 20} 440 ${345 + b.v * 20}`, b.accent, 7, 'opacity=".85"')
      + shine('M176 348 C186 386 204 404 226 416'),
  mug: (b) => line('M400 310 C476 296 480 404 396 402', b.dark, 26)
    + path(`M190 ${262 - b.v * 24} H410 L402 426 Q400 450 374 450 H226 Q200 450 198 426Z`, 'url(#m)') + oval(300, 262 - b.v * 24, 110, 24, b.light)
    + oval(300, 265 - b.v * 24, 98, 19, b.ink)
    + path('M195 362 C240 342 268 386 310 366 S380 350 405 366 L402 426 Q400 450 374 450 H226 Q200 450 198 426Z', b.accent, 'opacity=".5"')
      + shine('M216 300 L222 408') + steam(300, 222 - b.v * 24),
  cup: (b) => oval(300, 438, 170, 24, b.light) + oval(300, 434, 150, 18, b.dark, 'opacity=".25"')
    + line('M384 346 C440 336 436 402 376 400', b.dark, 16) + path('M206 320 H394 C394 396 372 436 340 436 H260 C228 436 206 396 206 320Z', 'url(#m)')
    + path('M207 336 C260 356 340 356 393 336 L393 320 H206Z', b.accent, 'opacity=".7"') + oval(300, 320, 94, 20, b.light)
      + oval(300, 322, 84, 15, '#3a2115') + shine('M226 352 C230 380 238 400 250 416') + steam(300, 280),
  plate: (b) => group('translate(0 -20)', oval(300, 440, 200, 46, b.dark) + oval(300, 430, 200, 46, 'url(#m)') + oval(300, 428, 140, 28, b.light) + oval(300, 431, 128, 23, b.main)
    + [0, 1, 2, 3, 4, 5].map((i) => oval(300 + 168 * Math.cos(i * 1.05 + b.v), 428 + 37 * Math.sin(i * 1.05 + b.v), 11, 5, b.accent)).join(''))
   
      + group('translate(300 300)', oval(0, 0, 128, 128, b.dark) + oval(-4, -4, 126, 126, 'url(#m)') + oval(-4, -4, 88, 88, b.light, 'opacity=".5"') + oval(-2, -2, 82, 82, b.main)
        + line(`M-70 ${20 + b.v * 20} C-30 -30 30 60 66 -14`, b.accent, 12) + shine('M-98 -40 A106 106 0 0 1 -30 -102')),
  vase: (b) => {
    const w = 92 + b.v * 44
    return line('M300 210 C296 150 262 118 238 84 M300 210 C306 150 340 130 352 70 M300 210 C300 160 302 120 298 66', b.ink, 5)
      + [[238, 84], [352, 70], [298, 62], [262, 128], [334, 122]].map(([x, y], i) =>
        oval(x!, y!, 17, 25, i % 2 ? b.accent : '#fff6e6', `transform="rotate(${i * 37 - 50} ${x} ${y})"`)).join('')
     
        + path(`M272 206 H328 C326 250 ${300 + w} 268 ${300 + w} 346 C${300 + w} 420 352 450 340 450 H260 C248 450 ${300 - w} 420 ${300 - w} 346 C${300 - w} 268 274 250 272 206Z`, 'url(#m)')
        + oval(300, 206, 28, 7, b.ink) + line(`M${302 - w} 330 C${260} 352 ${340} 352 ${298 + w} 330`, b.accent, 8, 'opacity=".8"')
        + shine(`M${318 - w} 316 C${316 - w} 290 ${330 - w} 274 ${342 - w} 264`)
  },
  jar: (b) =>
    path(`M256 ${196 - b.v * 10} H344 C344 214 350 220 372 228 C446 254 456 388 370 440 Q360 450 346 450 H254 Q240 450 230 440 C144 388 154 254 228 228 C250 220 256 214 256 196Z`, 'url(#m)')
    + oval(300, 196 - b.v * 5, 44, 10, b.ink)
    + line('M164 334 C240 362 360 362 436 334', b.shape, 5, 'opacity=".7"') + shine('M186 300 C192 274 208 254 230 244', 14),
  crock: (b) => path('M196 246 H404 C432 320 420 420 390 444 Q382 450 372 450 H228 Q218 450 210 444 C180 420 168 320 196 246Z', 'url(#m)')
    + box(184, 228, 232, 30, 14, b.dark) + path('M206 228 C220 190 380 190 394 228Z', 'url(#d)') + oval(300, 192, 24, 16, b.accent)
    + line('M188 320 q28 24 56 0 t56 0 t56 0 t56 0', b.light, 7) + shine('M204 290 C196 330 200 380 212 412'),
  planter: (b) => [-62, -34, -8, 18, 44, 66].map((a, i) => group(`rotate(${a} 300 300)`,
    path(`M300 310 C262 250 268 170 300 ${110 + (i % 3) * 26} C332 170 338 250 300 310Z`, i % 2 ? '#5d8c5a' : '#3f6f4b') + line('M300 300 L300 150', '#a9cf9a', 3, 'opacity=".6"'))).join('')
    + path(`M180 292 H420 L${396 - b.v * 16} 436 Q392 450 378 450 H222 Q208 450 ${204 + b.v * 16} 436Z`, 'url(#m)')
    + box(170, 276, 260, 34, 12, b.light) + line('M196 352 L404 352 M200 372 L400 372', b.accent, 6, 'opacity=".8"') + shine('M206 330 L220 420'),
  teapot: (b) => line('M214 262 C220 130 380 130 386 262', '#a9764a', 13)
    + path('M404 330 C452 322 444 264 486 258 L494 276 C470 296 470 380 398 394Z', 'url(#d)')
    + path('M300 250 C420 250 438 330 414 396 C400 436 370 450 340 450 H260 C230 450 200 436 186 396 C162 330 180 250 300 250Z', 'url(#m)')
    + oval(300, 258, 72, 15, b.dark) + oval(300, 250, 66, 14, b.light) + oval(300, 232, 16, 15, b.accent)
    + line(`M180 ${350 + b.v * 20} C240 ${376 + b.v * 20} 360 ${376 + b.v * 20} 420 ${350 + b.v * 20}`, b.accent, 7, 'opacity=".7"')
    + shine('M206 322 C212 292 230 278 252 272'),
  candle: (b) => box(200, 270 - b.v * 20, 200, 180 + b.v * 20, 22, b.light, 'opacity=".55"') + box(212, 300, 176, 140, 16, 'url(#m)')
    + oval(300, 301, 88, 17, b.sky) + box(297, 268, 6, 36, 3, b.ink) + flame(300, 274) + label(248, 344, 104, 76, b)
    + box(200, 270 - b.v * 20, 200, 180 + b.v * 20, 22, 'none', `stroke="#fff" stroke-opacity=".55" stroke-width="5"`) + shine('M220 300 L220 420'),
  tapers: (b) => [214, 300 + b.v * 10, 386].map((x, i) =>
    path(`M${x - 15} ${220 - (i % 2) * 46} Q${x} ${210 - (i % 2) * 46} ${x + 15} ${220 - (i % 2) * 46} L${x + 20} 420 H${x - 20}Z`, i % 2 ? 'url(#a)' : 'url(#m)')
    + path(`M${x - 34} 414 H${x + 34} L${x + 26} 434 H${x - 26}Z M${x - 46} 434 H${x + 46} V450 H${x - 46}Z`, 'url(#d)') + box(x - 2, 200 - (i % 2) * 46, 4, 20, 2, b.ink)
    + flame(x, 206 - (i % 2) * 46, 0.7) + shine(`M${x - 9} 250 L${x - 11} 390`, 5)).join(''),
  pillar: (b) => [[206, 330, 92], [300, 232 - b.v * 30, 104], [396, 370, 84]].map(([x, y, w], i) =>
    box(x! - w! / 2, y!, w!, 450 - y!, 14, i === 1 ? 'url(#m)' : 'url(#a)') + oval(x!, y! + 6, w! / 2, 11, b.sky) + box(x! - 2, y! - 16, 4, 22, 2, b.ink)
    + flame(x!, y! - 12, 0.75) + path(`M${x! + w! / 2 - 4} ${y! + 6} q8 40 -6 62 q-12 -26 -8 -56z`, b.light)).join(''),
  pendant: (b) => line('M300 0 V150', b.ink, 6) + oval(300, 318, 290, 210, 'url(#g)')
    + path(`M300 140 C${410 + b.v * 60} 150 ${450 + b.v * 20} 260 452 318 H148 C150 260 ${190 - b.v * 60} 150 300 140Z`, 'url(#m)')
    + oval(300, 318, 152, 26, b.dark) + oval(300, 322, 134, 19, '#fff1c9')
    + [0, 1, 2, 3].map((i) => line(`M${190 + i * 73} 306 C${196 + i * 70} 240 ${236 + i * 42} 180 300 148`, '#fff', 3, 'opacity=".3"')).join('')
    + box(280, 132, 40, 24, 8, b.accent),
  mushroom: (b) => oval(300, 280, 270, 190, 'url(#g)') + path('M262 262 H338 L352 430 H248Z', 'url(#a)')
    + path('M196 450 C196 426 240 420 300 420 C360 420 404 426 404 450Z', 'url(#d)')
    + path(`M130 286 C134 ${176 - b.v * 40} 220 150 300 150 C380 150 466 ${176 - b.v * 40} 470 286Z`, 'url(#m)') + oval(300, 286, 170, 24, b.dark)
    + oval(300, 288, 150, 17, '#ffedbd') + shine('M168 250 C184 206 216 186 252 176', 13),
  drum: (b) => oval(300, 270, 270, 190, 'url(#g)') + box(292, 300, 16, 140, 6, b.ink) + path('M222 450 C226 424 374 424 378 450Z', 'url(#d)')
    + path(`M${206 + b.v * 22} 140 H${394 - b.v * 22} L430 318 H170Z`, 'url(#a)')
    + Array.from({ length: 13 }, (_, i) => line(`M${186 + i * 19} 312 L${224 + i * 12.7} 146`, b.ink, 1.4, 'opacity=".16"')).join('')
    + line('M170 318 H430', b.main, 9) + line(`M${206 + b.v * 22} 140 H${394 - b.v * 22}`, b.main, 7) + line('M350 318 V372', b.ink, 3)
    + oval(350, 376, 6, 6, b.main),
  arm: (b) => path('M190 450 C190 424 330 424 330 450Z', 'url(#d)') + line(`M260 430 L${196 + b.v * 20} 286 L356 186`, b.ink, 12)
    + oval(196 + b.v * 20, 286, 15, 15, b.accent) + oval(260, 428, 12, 12, b.accent) + oval(420, 340, 170, 140, 'url(#g)')
    + group('rotate(28 360 190)', path('M330 150 C346 132 400 132 416 150 L460 262 H286Z', 'url(#m)') + oval(373, 262, 87, 16, '#ffedbd')
      + shine('M330 180 L314 234')),
  lantern: (b) => line('M226 208 C226 100 374 100 374 208', b.ink, 9) + path('M232 206 H368 L388 250 H212Z', 'url(#m)')
    + oval(300, 320, 230, 160, 'url(#g)')
    + path(`M222 254 C${184 - b.v * 16} 300 ${184 - b.v * 16} 360 222 404 H378 C${416 + b.v * 16} 360 ${416 + b.v * 16} 300 378 254Z`, b.sky, 'opacity=".6"')
    + flame(300, 378, 1.2) + line('M300 404 V384', b.ink, 8) + path('M206 402 H394 L404 450 H196Z', 'url(#m)')
    + line('M222 254 V404 M378 254 V404', b.dark, 8) + box(278, 186, 44, 22, 8, b.accent) + shine('M236 290 C230 320 232 350 240 372'),
  tent: (b) => path('M60 452 L190 240 L300 170 L450 250 L545 452Z', b.dark) + path(`M300 166 L${110 + b.v * 30} 452 H430Z`, 'url(#m)')
    + path('M300 166 L430 452 H548 L446 236Z', b.main) + path('M300 166 L430 452 H548 L446 236Z', b.ink, 'opacity=".22"')
    + path('M294 214 L238 452 H350Z', b.ink) + path('M294 214 L238 452 L206 452 C244 400 270 320 294 214Z', b.accent)
    + line('M300 166 L300 140 M110 452 L70 466 M548 452 L572 464', b.ink, 6) + shine('M258 262 L188 392', 7),
  pack: (b) => line('M236 200 C236 130 364 130 364 200', b.ink, 14) + box(186, 180 - b.v * 20, 228, 270 + b.v * 20, 62, 'url(#m)')
    + box(160, 330, 60, 104, 22, b.dark) + box(380, 330, 60, 104, 22, b.dark)
    + path('M196 190 C240 172 360 172 404 190 L410 276 C350 296 250 296 190 276Z', b.light, 'opacity=".75"') + box(220, 316, 160, 112, 24, 'url(#d)')
    + line('M236 346 H364', b.light, 5) + [236, 352].map((x) => box(x, 262, 14, 62, 5, b.accent) + box(x - 5, 296, 24, 16, 4, b.sky)).join('')
    + shine('M208 226 C206 260 206 290 208 312'),
  bottle: (b) => box(264, 130 - b.v * 12, 72, 58, 14, 'url(#d)') + line(`M282 ${130 - b.v * 12} C282 96 318 96 318 ${130 - b.v * 12}`, b.ink, 9)
    + path('M268 186 H332 C336 222 372 232 372 280 V420 Q372 450 342 450 H258 Q228 450 228 420 V280 C228 232 264 222 268 186Z', 'url(#m)')
    + path('M228 330 H372 V372 H228Z', b.accent, 'opacity=".85"') + path('M262 366 L290 334 L306 352 L318 340 L342 366Z', b.sky)
    + shine('M248 284 V420', 12),
  blanket: (b) => [0, 1, 2].map((i) => box(160 + i * 8, 402 - i * 62, 280 - i * 16, 62, 30, i % 2 ? 'url(#a)' : 'url(#m)') + line(`M${190 + i * 8} ${424 - i * 62} H${410 - i * 8}`, i % 2 ? b.main : b.accent, 8, `stroke-dasharray="${20 + b.v * 20} 14"`)
    + line(`M${190 + i * 8} ${442 - i * 62} H${410 - i * 8}`, b.light, 4)).join('')
    + path('M300 278 C380 270 430 300 452 290 L470 436 C440 450 420 436 392 444 L380 340Z', 'url(#d)')
    + Array.from({ length: 7 }, (_, i) => line(`M${396 + i * 12} 442 v18`, b.accent, 4)).join(''),
  compass: (b) => oval(300, 322, 132, 132, b.dark) + oval(300, 316, 132, 132, 'url(#a)') + oval(300, 316, 106, 106, b.sky)
    + Array.from({ length: 24 }, (_, i) => group(`rotate(${i * 15} 300 316)`, box(298.5, 218, 3, i % 6 ? 9 : 20, 1, b.ink))).join('')
    + group(`rotate(${20 + b.v * 60} 300 316)`, path('M300 228 L318 316 H282Z', b.main) + path('M300 404 L318 316 H282Z', b.ink))
    + oval(300, 316, 11, 11, b.accent) + box(284, 150, 32, 40, 10, 'url(#d)') + oval(300, 148, 26, 26, 'none', `stroke="${b.dark}" stroke-width="9"`)
    + shine('M216 268 A98 98 0 0 1 266 224'),
  hat: (b) => oval(300, 150 - b.v * 8, 44, 42, b.accent) + path('M170 376 C160 220 220 178 300 178 C380 178 440 220 430 376Z', 'url(#m)')
    + Array.from({ length: 9 }, (_, i) =>
      line(`M${188 + i * 28} 366 C${196 + i * 26} 290 ${240 + i * 15} 220 ${276 + i * 6} 186`, b.dark, 3, 'opacity=".4"')).join('')
    + box(148, 356, 304, 92, 34, 'url(#d)')
    + Array.from({ length: 14 }, (_, i) => line(`M${172 + i * 20} 370 V434`, b.light, 4, 'opacity=".4"')).join('') + box(344, 382, 62, 40, 5, b.sky),
  stool: (b) => line('M208 290 L392 446 M392 290 L208 446', '#9a6b42', 18) + line('M208 290 L392 446', '#b98555', 8)
    + path(`M166 ${270 - b.v * 10} C230 300 370 300 434 ${270 - b.v * 10} L424 306 C370 334 230 334 176 306Z`, 'url(#m)')
    + oval(300, 270, 134, 20, b.light, 'opacity=".4"') + oval(300, 370, 12, 12, b.accent) + line('M190 296 C240 318 360 318 410 296', b.accent, 5),
  bag: (b) => path(`M196 ${176 - b.v * 10} H404 L416 430 Q416 450 396 450 H204 Q184 450 184 430Z`, 'url(#m)')
    + path(`M196 ${176 - b.v * 10} H236 L232 450 H204 Q184 450 184 430Z`, b.ink, 'opacity=".16"') + box(190, 150 - b.v * 10, 220, 38, 8, b.dark)
    + line(`M206 ${168 - b.v * 10} H394`, b.light, 3, 'stroke-dasharray="9 7"') + label(234, 236, 132, 128, b)
    + [[262, 408], [300, 402], [338, 408]].map(([x, y], i) => group(`rotate(${i * 40 - 30} ${x} ${y})`, oval(x!, y!, 17, 12, b.ink) + line(`M${x! - 13} ${y} q13 -7 26 0`, b.light, 2.5))).join('')
    + shine('M216 214 L208 410', 8),
  tin: (b) => path('M192 250 V424 C192 442 240 450 300 450 C360 450 408 442 408 424 V250Z', 'url(#m)')
    + path(`M186 ${214 - b.v * 16} V252 C186 272 240 280 300 280 C360 280 414 272 414 252 V${214 - b.v * 16}Z`, 'url(#d)')
    + oval(300, 214 - b.v * 16, 114, 25, b.light) + oval(300, 212 - b.v * 16, 22, 7, b.accent) + label(246, 306, 108, 100, b)
    + shine('M208 296 V416'),
  dripper: (b) => path('M176 190 H424 L342 318 H258Z', b.light, 'opacity=".75"') + path('M194 196 H406 L336 306 H264Z', '#fff8ec')
    + path('M226 240 H374 L336 306 H264Z', '#5a3823') + oval(300, 192, 124, 20, 'none', `stroke="${b.main}" stroke-width="9"`)
    + oval(300, 324, 96, 15, 'url(#m)') + line('M300 336 V372', '#5a3823', 6)
    + path('M220 338 H380 C404 388 404 424 384 450 H216 C196 424 196 388 220 338Z', b.sky, 'opacity=".55"')
    + path(`M${206} ${392 - b.v * 20} H394 C400 420 396 436 384 450 H216 C204 436 200 420 206 392Z`, '#5a3823')
    + line('M392 356 C454 350 450 436 392 430', b.main, 13) + shine('M222 362 C212 390 214 414 222 434') + steam(300, 160),
  kettle: (b) => line('M392 246 C486 232 490 372 404 396', b.ink, 18) + line(`M204 396 C130 380 184 250 ${124 - b.v * 10} 214`, b.dark, 17)
    + path('M242 240 H358 L418 430 Q422 450 400 450 H200 Q178 450 182 430Z', 'url(#m)') + path('M238 244 C250 214 350 214 362 244Z', 'url(#d)')
    + oval(300, 210, 16, 14, b.accent) + line('M188 420 H412', b.accent, 7, 'opacity=".8"') + shine('M248 280 L218 404') + steam(118 - b.v * 10, 190),
  grinder: (b) => line(`M300 160 L${404 + b.v * 20} 150`, b.ink, 13) + oval(412 + b.v * 20, 132, 20, 26, 'url(#a)')
    + path('M228 190 C236 164 364 164 372 190Z', 'url(#d)') + box(232, 188, 136, 150, 14, 'url(#m)') + box(222, 330, 156, 26, 10, b.ink)
    + box(238, 352, 124, 98, 18, b.light, 'opacity=".7"')
    + path('M242 402 C270 390 330 412 358 398 V434 Q358 448 344 448 H256 Q242 448 242 434Z', '#5a3823') + box(290, 150, 20, 26, 6, b.accent)
    + shine('M250 210 V316') + line('M232 262 H368', b.accent, 10),
  press: (b) => line('M392 262 C470 262 470 404 392 404', b.ink, 17) + line('M300 110 V250', b.ink, 8) + oval(300, 108, 20, 18, b.accent)
    + box(206, 214, 188, 30, 13, 'url(#m)') + box(212, 240, 176, 204, 16, b.sky, 'opacity=".6"')
    + path(`M214 ${310 - b.v * 24} H386 V430 Q386 444 372 444 H228 Q214 444 214 430Z`, '#4b2c1b')
    + path(`M214 ${310 - b.v * 24} H386 v16 H214Z`, '#a9764a') + [206, 290, 376].map((x) => box(x, 240, 16, 208, 6, 'url(#m)')).join('')
    + box(200, 432, 200, 20, 9, b.dark) + shine('M240 262 V420'),
  carafe: (b) => path('M252 146 H348 L342 232 C420 280 432 390 400 436 Q390 450 372 450 H228 Q210 450 200 436 C168 390 180 280 258 232Z', b.sky, 'opacity=".6"')
    + path(`M${196} ${330 - b.v * 30} H404 C420 370 418 410 400 436 Q390 450 372 450 H228 Q210 450 200 436 C182 410 180 370 196 330Z`, '#5a3823')
    + oval(300, 330 - b.v * 15, 106, 15, '#7d5233') + box(238, 224, 124, 38, 16, 'url(#m)') + oval(300, 146, 48, 11, b.light)
    + [[260, 356], [330, 372], [300, 340]].map(([x, y], i) => group(`rotate(${i * 24} ${x} ${y})`,
      box(x! - 20, y! - 18, 40, 36, 7, '#fff', 'opacity=".3"'))).join('')
    + shine('M206 346 C202 380 208 410 220 430'),
  notebook: (b) => group(`rotate(${-9 + b.v * 8} 300 300)`, box(190, 150, 236, 304, 14, b.ink, 'opacity=".3"') + box(196, 142, 226, 304, 8, '#fffaf0')
    + box(180, 138, 230, 304, 14, 'url(#m)') + box(180, 138, 34, 304, 14, b.ink, 'opacity=".22"') + box(372, 138, 12, 304, 0, b.accent)
    + label(240, 196, 108, 84, b) + line('M330 442 V480', b.accent, 9) + shine('M228 160 V300', 5)),
  sheets: (b) => [16, 4, -8].map((r, i) => group(`rotate(${r + b.v * 5} 300 330)`,
    box(180, 170, 240, 280, 6, i === 1 ? b.light : i ? b.main : b.accent) + [0, 1, 2, 3, 4].map((k) =>
    line(`M184 ${196 + k * 54} C240 ${160 + k * 54 + b.v * 30} 270 ${250 + k * 54} 330 ${206 + k * 54} S400 ${184 + k * 54} 416 ${214 + k * 54}`, [b.sky, b.dark, b.accent, b.ink, b.light][(k + i) % 5]!, 11, 'opacity=".7"')).join(''))).join(''),
  envelope: (b) => group(`rotate(${-7 + b.v * 6} 300 320)`, box(196, 160, 220, 190, 6, '#fffaf0') + line('M222 200 H388 M222 226 H388 M222 252 H340', b.dark, 4, 'opacity=".45"')
    + path('M140 258 L300 372 L460 258 V440 Q460 450 450 450 H150 Q140 450 140 440Z', 'url(#m)') + path('M140 446 L270 340 Q300 322 330 340 L460 446Z', b.light)
    + oval(300, 356, 31, 31, 'url(#a)') + path('M300 342 l4 10 11 1 -8 7 3 11 -10 -6 -10 6 3 -11 -8 -7 11 -1z', b.sky)),
  cards: (b) => [-14, -2, 11].map((r, i) => group(`rotate(${r + b.v * 4} 300 470)`, box(206, 166, 188, 270, 10, ['#fffaf0', b.light, '#fffaf0'][i]!) + line(`M300 400 C298 340 ${290 + i * 8} 300 ${286 + i * 12} 250`, '#557a4f', 5)
    + [0, 1, 2, 3, 4, 5].map((k) =>
    oval(286 + i * 12 + 27 * Math.cos(k * 1.05), 240 + 27 * Math.sin(k * 1.05), 17, 12, [b.main, b.sky, b.accent][i]!, `transform="rotate(${k * 60} ${286 + i * 12 + 27 * Math.cos(k * 1.05)} ${240 + 27 * Math.sin(k * 1.05)})"`)).join('')
    + oval(286 + i * 12, 240, 13, 13, b.ink) + path('M298 350 q34 -34 52 -8 q-24 26 -52 8z M297 372 q-36 -26 -52 2 q26 22 52 -2z', '#6f9a63'))).join(''),
  roll: (b) => [[214, 150, 'url(#m)', b.accent], [300, 110 - b.v * 16, 'url(#a)', b.main], [386, 180, 'url(#d)', b.light]].map(([x, y, fill, dot], i) =>
    box(Number(x) - 38, Number(y), 76, 450 - Number(y), 10, String(fill)) + Array.from({ length: 14 }, (_, k) =>
    oval(Number(x) - 22 + (k % 3) * 22, Number(y) + 40 + k * 19, i === 1 ? 7 : 5, i === 1 ? 7 : 10, String(dot), 'opacity=".85"')).join('') + oval(Number(x), Number(y), 38, 11, b.sky)
    + oval(Number(x), Number(y), 18, 5, b.ink)).join(''),
  tape: (b) => [[230, 392, 'url(#m)'], [366, 400, 'url(#a)'], [300, 286 - b.v * 12, 'url(#d)']].map(([x, y, fill], i) =>
    oval(Number(x), Number(y), 74, 54, String(fill)) + oval(Number(x), Number(y) - 18, 74, 44, [b.light, b.sky, b.main][i]!) + oval(Number(x), Number(y) - 18, 40, 23, b.ink)
    + oval(Number(x), Number(y) - 18, 57, 33, 'none', `stroke="${b.accent}" stroke-width="5" stroke-dasharray="12 9"`)).join('')
    + path(`M430 384 C470 372 486 420 520 410 L516 434 C480 446 462 400 432 412Z`, b.accent),
  pen: (b) => group(`rotate(${38 + b.v * 10} 300 300)`, box(272, 80, 56, 190, 24, 'url(#m)') + box(272, 226, 56, 14, 3, b.accent) + box(318, 104, 12, 110, 6, b.accent)
    + path('M276 270 H324 L318 396 H282Z', 'url(#d)') + path('M284 396 H316 L300 474Z', 'url(#a)') + line('M300 420 V470', b.ink, 3) + oval(300, 418, 5, 5, b.ink)
    + shine('M286 110 V250', 7))
    + line('M132 476 C170 440 190 500 226 466 S280 470 306 470', b.ink, 5),
  pencils: (b) => [-24, -8, 9, 25].map((r, i) => group(`rotate(${r + b.v * 4} 300 470)`,
    box(284, 130 + (i % 2) * 24, 32, 260, 3, ['url(#m)', 'url(#a)', 'url(#d)', 'url(#m)'][i]!) + path(`M284 ${134 + (i % 2) * 24} L300 ${84 + (i % 2) * 24} L316 ${134 + (i % 2) * 24}Z`, '#f1d5ae')
    + path(`M294 ${104 + (i % 2) * 24} L300 ${84 + (i % 2) * 24} L306 ${104 + (i % 2) * 24}Z`, b.ink))).join('')
    + path('M206 320 H394 L380 436 Q378 450 362 450 H238 Q222 450 220 436Z', b.sky)
    + path('M206 320 H394 L380 436 Q378 450 362 450 H238 Q222 450 220 436Z', 'url(#m)', 'opacity=".45"')
    + oval(300, 320, 94, 13, b.dark, 'opacity=".5"') + line('M214 372 H386', b.accent, 8),
  ink: (b) => box(258, 176 - b.v * 14, 84, 64, 12, 'url(#d)')
    + path('M262 238 H338 V262 C400 272 420 300 420 340 V424 Q420 450 394 450 H206 Q180 450 180 424 V340 C180 300 200 272 262 262Z', b.sky, 'opacity=".7"')
    + path('M182 346 C240 330 360 362 418 342 V424 Q418 448 394 448 H206 Q182 448 182 424Z', 'url(#m)') + label(236, 336, 128, 84, b)
    + shine('M198 340 V420', 8),
} satisfies Record<string, Motif>

export type MotifName = keyof typeof motifs

/** Words of a product's name, most telling first; whatever matches no word gets its category's drawing. */
const BY_WORD: [RegExp, MotifName][] = [
  [/espresso cup|tea ?cup|saucer set/i, 'cup'], [/\bpress\b/i, 'press'], [/planter|pot with saucer|flower pot/i, 'planter'], [/teapot/i, 'teapot'], [/kettle/i, 'kettle'], [/grinder|mill/i, 'grinder'], [/dripper|pour-over/i, 'dripper'],
  [/carafe|cold brew/i, 'carafe'], [/tin\b|sencha|assam|chamomile|\btea\b(?! bowl)/i, 'tin'], [/mug/i, 'mug'], [/bowl/i, 'bowl'], [/plate|platter|dish/i, 'plate'], [/moon jar/i, 'jar'], [/crock/i, 'crock'], [/vase/i, 'vase'],
  [/taper|candle ?holder|candlestick/i, 'tapers'], [/pillar/i, 'pillar'], [/candle/i, 'candle'], [/pendant/i, 'pendant'], [/mushroom/i, 'mushroom'], [/drum|shade/i, 'drum'], [/reading|desk lamp|arm\b/i, 'arm'], [/lantern/i, 'lantern'],
  [/tent|bivy/i, 'tent'], [/pack\b/i, 'pack'], [/bottle(?! of ink)|flask/i, 'bottle'], [/blanket/i, 'blanket'], [/compass/i, 'compass'], [/beanie|hat\b|cap\b/i, 'hat'], [/stool|chair/i, 'stool'],
  [/notebook|sketchbook|planner|journal|pad\b/i, 'notebook'], [/marbled|sheets/i, 'sheets'], [/letter|envelope/i, 'envelope'], [/cards?\b/i, 'cards'], [/wrapping|roll/i, 'roll'], [/tape/i, 'tape'], [/pencil/i, 'pencils'], [/\bink\b/i, 'ink'], [/pen\b|pens\b/i, 'pen'],
]
const BY_CATEGORY: Record<string, MotifName> = { Tableware: 'bowl', 'Vases & Planters': 'vase', Candles: 'candle', Lamps: 'drum', 'Camp & Trail': 'pack', 'Coffee & Tea': 'bag', Brewing: 'dripper', Paper: 'notebook', Writing: 'pen' }

export const motifOf = (name: string, category: string): MotifName => BY_WORD.find(([word]) => word.test(name))?.[1] ?? BY_CATEGORY[category] ?? 'bag'
