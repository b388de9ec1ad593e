import { html, type Html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { icon, page, picturePath, searchPath } from './layout.ts'
import { productGrid } from './product-card.ts'
import type { Categories, Product, ProductPage } from './shapes.ts'

const pictures = (products: Product[]): Html[] => products.map((p) => html`<img src="${picturePath(p.id)}" alt="" width="600" height="600" loading="lazy">`)

/** The shop window: what there is, by whom, and a first dozen. */
export const home: Page = async (call) => {
  const [{ body: products }, { body: categories }] = await Promise.all([call.api<ProductPage>('listProducts', { query: { pageSize: 48 } }), call.api<Categories>('listCategories')])
  const makers = categories.sellers
  return page(call, {
    title: 'Good things from small makers',
    body: html`<section class="hero"><div>
<h1>Good things from small makers</h1>
<p>${products.total} products, made and sent by ${makers.length} workshops. Buy from all of them in one order.</p>
<p class="row"><a class="button primary" href="/search">Browse everything</a></p></div>
<div class="hero-pictures" aria-hidden="true">${products.items.slice(0, 3).map((p) => html`<img src="${picturePath(p.id)}" alt="" width="600" height="600">`)}</div></section>
<section aria-labelledby="by-category"><h2 id="by-category">Shop by category</h2><ul class="tiles">${categories.items.map((c) => html`
<li><a href="${searchPath({ category: c.name })}">${pictures(products.items.filter((p) => p.category === c.name).slice(0, 1))}<span>${c.name} <span class="soft">${c.count}</span></span></a></li>`)}</ul></section>
<section aria-labelledby="picks"><div class="section-head"><h2 id="picks">From every workshop</h2><a href="/search">See all ${products.total}</a></div>
${productGrid(products.items.slice(0, 12), { heading: 'h3' })}</section>
<section aria-labelledby="makers"><h2 id="makers">The makers</h2><ul class="tiles makers">${makers.map((s) => html`
<li><a href="${searchPath({ seller: s.id })}"><span class="fan">${pictures(products.items.filter((p) => p.seller.id === s.id).slice(1, 4))}</span><span>${s.name}<span class="soft">${s.count === 1 ? '1 product' : `${s.count} products`}</span></span></a></li>`)}</ul></section>
<ul class="promises"><li>${icon(call, 'parcel')}<div><h2>Delivery included</h2><p>Standard or express, at the price you see.</p></div></li>
<li>${icon(call, 'back')}<div><h2>Change your mind</h2><p>Cancel any time before the parcel leaves.</p></div></li>
<li>${icon(call, 'lock')}<div><h2>Card details stay out</h2><p>You give them to the payment provider, never to us.</p></div></li></ul>`,
  })
}
