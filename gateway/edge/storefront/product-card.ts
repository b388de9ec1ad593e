import { html, type Html } from '@shop/chassis/html.ts'
import { money, stockOf } from './assets/format.js'
import { picturePath, productPath } from './layout.ts'
import type { Product } from './shapes.ts'

/** A grid of products. `heading`: the level of their names. `eager`: how many pictures are in view at once. */
export const productGrid = (products: Product[], { heading = 'h2', eager = 4 }: { heading?: 'h2' | 'h3'; eager?: number } = {}): Html =>
  html`<ul class="grid">${products.map((product, i) => card(product, heading === 'h2', i < eager))}</ul>`

function card(p: Product, isSecond: boolean, isEager: boolean): Html {
  const stock = stockOf(p.stock)
  const link = html`<a href="${productPath(p.id)}">${p.name}</a>`
  return html`
<li class="card product"><img src="${picturePath(p.id)}" alt="" width="600" height="600"${isEager ? null : html` loading="lazy"`}>
<div class="about">${isSecond ? html`<h2>${link}</h2>` : html`<h3>${link}</h3>`}
<p class="soft">${p.seller.name}</p>
<p class="price"><span>${money(p.priceMinor, p.currency)}</span>${stock.kind !== 'some' && html`<span class="tag ${stock.kind === 'none' ? 'bad' : 'warn'}">${stock.text}</span>`}</p></div></li>`
}
