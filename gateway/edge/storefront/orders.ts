import { html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { day, money } from './assets/format.js'
import { statusBadge } from './assets/order-view.js'
import { h } from './draw.ts'
import { icon, page, picturePath } from './layout.ts'
import type { OrderPage } from './shapes.ts'

const PAGE_SIZE = 12

/** Own orders, newest first. */
export const orders: Page = async (call) => {
  const { body } = await call.api<OrderPage>('listOrders', { query: { page: call.query['page'], pageSize: PAGE_SIZE } })
  const pages = Math.max(1, Math.ceil(body.total / PAGE_SIZE))
  return page(call, {
    title: 'Your orders', width: 'narrow',
    body: html`<h1>${call.user?.role === 'staff' ? 'All orders' : 'Your orders'}</h1>
${body.items.length === 0 ? html`<section class="blank">${icon(call, 'parcel')}<h2>No orders yet</h2><p>When you order something, you can follow it here.</p><p class="row"><a class="button primary" href="/search">Find something</a></p></section>` : html`<ul class="order-list">${body.items.map((o) => html`
<li class="card"><div><h2><a href="/orders/${encodeURIComponent(o.id)}">Order ${o.number}</a></h2><p class="soft"><time datetime="${o.placedAt}">${day(o.placedAt)}</time> · ${o.lines.map((l) => `${l.quantity} × ${l.name}`).join(', ')}</p>
<p class="thumbs" aria-hidden="true">${o.lines.slice(0, 4).map((l) => html`<img src="${picturePath(l.productId)}" alt="" width="48" height="48" loading="lazy">`)}${o.lines.length > 4 && html`<span class="soft">+${o.lines.length - 4}</span>`}</p></div>
<div>${statusBadge(h, o)}<strong>${money(o.totalMinor, o.currency)}</strong></div></li>`)}</ul>`}
${pages > 1 && html`<nav class="pages" aria-label="Pages">${body.page > 1 && html`<a class="button secondary" rel="prev" href="/orders?page=${body.page - 1}">Newer</a>`}<span>Page ${body.page} of ${pages}</span>${body.page < pages && html`<a class="button secondary" rel="next" href="/orders?page=${body.page + 1}">Older</a>`}</nav>`}`,
  })
}
