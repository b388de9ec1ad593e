import { html, type Html } from '@shop/chassis/html.ts'
import type { Page, PageCall } from '../page.ts'
import { field } from './assets/address-view.js'
import { amount, money, stockOf } from './assets/format.js'
import { h } from './draw.ts'
import { icon, page, picturePath, productPath } from './layout.ts'
import type { Categories, Product, ProductPage } from './shapes.ts'

const PAGE_SIZE = 24
const editPath = (id: string): string => `/seller/products/${encodeURIComponent(id)}`

/** A seller's own products. */
export const sellerProducts: Page = async (call) => {
  const { body } = await call.api<ProductPage>('listSellerProducts', { query: { page: call.query['page'], pageSize: PAGE_SIZE } })
  const pages = Math.max(1, Math.ceil(body.total / PAGE_SIZE))
  return page(call, {
    title: 'Your products',
    body: html`<div class="section-head"><h1>Your products</h1><a class="button primary" href="/seller/new">${icon(call, 'plus')}New product</a></div>
${body.items.length === 0 ? html`<section class="blank">${icon(call, 'parcel')}<h2>Nothing offered yet</h2><p>Your first product shows up in the shop as soon as you save it.</p></section>` : html`<ul class="stock-list card">${body.items.map((p) => html`
<li><img src="${picturePath(p.id)}" alt="" width="56" height="56" loading="lazy"><div><h2><a href="${editPath(p.id)}">${p.name}</a></h2><p class="soft">${p.number} · ${p.category}</p></div>
<p class="amount">${money(p.priceMinor, p.currency)}</p><p>${p.stock > 5 ? html`<span class="soft">${p.stock} in stock</span>` : html`<span class="tag ${p.stock > 0 ? 'warn' : 'bad'}">${stockOf(p.stock).text}</span>`}</p></li>`)}</ul>`}
${pages > 1 && html`<nav class="pages" aria-label="Pages">${body.page > 1 && html`<a class="button secondary" rel="prev" href="/seller?page=${body.page - 1}">Previous</a>`}<span>Page ${body.page} of ${pages}</span>${body.page < pages && html`<a class="button secondary" rel="next" href="/seller?page=${body.page + 1}">Next</a>`}</nav>`}`,
  })
}

export const newProduct: Page = async (call) => {
  await call.api('listSellerProducts', { query: { pageSize: 1 } }) // sellers only
  return editor(call, null, '')
}

export const editProduct: Page = async (call) => {
  await call.api('listSellerProducts', { query: { pageSize: 1 } })
  const { body, etag } = await call.api<Product>('getProduct', { params: { productId: call.params['productId']! } })
  return editor(call, body, etag ?? '')
}

async function editor(call: PageCall, p: Product | null, etag: string) {
  const { body: categories } = await call.api<Categories>('listCategories')
  return page(call, {
    title: p ? `Edit ${p.name}` : 'New product', width: 'narrow', scripts: ['seller.js'],
    body: html`<nav class="crumbs" aria-label="You are here"><ol><li><a href="/seller">Your products</a></li><li aria-current="page">${p ? p.number : 'New product'}</li></ol></nav>
<div class="section-head"><h1>${p ? p.name : 'New product'}</h1>${p && html`<a href="${productPath(p.id)}">See it in the shop</a>`}</div>
<noscript><p class="panel">Saving needs JavaScript.</p></noscript>
<form id="product" class="card part" novalidate data-product="${p?.id ?? ''}" data-etag="${etag}">
${field(h, { name: 'name', label: 'Name', value: p?.name, max: 80, invalid: 'Enter 2 to 80 characters, without < or >' })}
${area(p?.description ?? '')}
<div class="field"><label for="category">Category</label><select id="category" name="category" required data-invalid="Choose a category">${categories.items.map((c) => html`<option${c.name === p?.category && html` selected`}>${c.name}</option>`)}</select><p class="error" id="category-error" hidden></p></div>
<div class="fields">${field(h, { name: 'priceMinor', label: 'Price in EUR', value: p ? amount(p.priceMinor) : '', mode: 'decimal', max: 10, pattern: '[0-9]{1,6}([.,][0-9]{1,2})?', invalid: 'Enter a price from 0.01 to 100000, such as 24.90' })}
${field(h, { name: 'stock', label: 'In stock', value: p?.stock ?? '', mode: 'numeric', max: 7, pattern: '[0-9]{1,7}', invalid: 'Enter a whole number from 0 to 1000000' })}</div>
<div class="panel bad" id="form-problem" role="alert" tabindex="-1" hidden></div>
<div class="panel warn" id="conflict" role="alert" tabindex="-1" hidden></div>
<p class="row"><button class="primary" data-script disabled>${p ? 'Save changes' : 'Offer it'}</button><a class="button secondary" href="/seller">Back</a></p>
</form>`,
  })
}

const area = (value: string): Html => html`<div class="field"><label for="description">Description</label><textarea id="description" name="description" rows="6" maxlength="2000" required data-invalid="Enter 2 to 2000 characters, without &lt; or &gt;">
${value}</textarea><p class="error" id="description-error" hidden></p></div>`
