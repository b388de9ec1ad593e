import { html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { money, stockOf } from './assets/format.js'
import { icon, page, picturePath, searchPath } from './layout.ts'
import { productGrid } from './product-card.ts'
import type { Product, ProductPage } from './shapes.ts'

/** One product, and more by its maker. */
export const product: Page = async (call) => {
  const { body: p } = await call.api<Product>('getProduct', { params: { productId: call.params['productId']! } })
  const more = await call.api<ProductPage>('listProducts', { query: { seller: p.seller.id, pageSize: 5 } }).then((a) => a.body.items.filter((o) => o.id !== p.id).slice(0, 4), () => [])
  const stock = stockOf(p.stock)
  return page(call, {
    title: p.name, category: p.category,
    body: html`<nav class="crumbs" aria-label="You are here"><ol><li><a href="/">Home</a></li><li><a href="${searchPath({ category: p.category })}">${p.category}</a></li><li aria-current="page">${p.name}</li></ol></nav>
<article class="detail"><img class="picture" src="${picturePath(p.id)}" alt="Drawing of ${p.name}" width="600" height="600">
<div><p><a href="${searchPath({ seller: p.seller.id })}">${p.seller.name}</a></p>
<h1>${p.name}</h1>
<p class="price big">${money(p.priceMinor, p.currency)}</p>
<p class="stock ${stock.kind}">${icon(call, stock.kind === 'none' ? 'close' : 'check')}${stock.text}</p>
${p.stock > 0 ? html`<form class="add" data-add="${p.id}"><div class="field"><label for="quantity">Quantity</label>
<select id="quantity" name="quantity">${Array.from({ length: Math.min(10, p.stock) }, (_, i) => html`<option>${i + 1}</option>`)}</select></div>
<button class="primary" data-script disabled>${icon(call, 'cart')}Add to cart</button></form>
<noscript><p class="panel">Adding to the cart needs JavaScript.</p></noscript>` : html`<p class="panel">This one is sold out. Have a look at what else <a href="${searchPath({ seller: p.seller.id })}">${p.seller.name}</a> makes.</p>`}
<div class="prose">${p.description.split(/\n+/).filter((text) => text.trim()).map((text) => html`<p>${text}</p>`)}</div>
<dl class="facts"><div><dt>Product number</dt><dd>${p.number}</dd></div><div><dt>Sold and sent by</dt><dd>${p.seller.name}</dd></div><div><dt>Delivery</dt><dd>Standard or express, included</dd></div></dl>
</div></article>
${more.length > 0 && html`<section aria-labelledby="more"><div class="section-head"><h2 id="more">More from ${p.seller.name}</h2><a href="${searchPath({ seller: p.seller.id })}">See all</a></div>${productGrid(more, { heading: 'h3', eager: 0 })}</section>`}`,
  })
}
