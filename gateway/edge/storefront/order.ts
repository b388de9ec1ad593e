import { html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { day, money } from './assets/format.js'
import { addressLines, canCancel, canRetry, isSettled, orderParts, retryText, statusText } from './assets/order-view.js'
import { h } from './draw.ts'
import { page, picturePath, productPath } from './layout.ts'
import type { OrderView } from './shapes.ts'

/** An order with its parcel and its invoice, live while it moves. */
export const order: Page = async (call) => {
  const { body: view } = await call.api<OrderView>('getOrder', { params: { orderId: call.params['orderId']! } })
  const { order: o } = view
  const live = orderParts(h, view)
  return page(call, {
    title: `Order ${o.number}`, scripts: ['order.js'],
    body: html`<nav class="crumbs" aria-label="You are here"><ol><li><a href="/orders">Your orders</a></li><li aria-current="page">Order ${o.number}</li></ol></nav>
<div id="order" data-order="${o.id}" data-lines="${JSON.stringify(o.lines.map((l) => ({ productId: l.productId, quantity: l.quantity })))}"${isSettled(view) && html` data-settled`}>
<div class="section-head"><div><p class="soft">Placed <time datetime="${o.placedAt}">${day(o.placedAt)}</time>${o.delivery && html` · ${o.delivery === 'express' ? 'Express' : 'Standard'} delivery`}</p><h1 data-live="headline">${live.headline}</h1></div>
<div class="row"><button class="primary" id="retry" data-script disabled${!canRetry(view) && html` hidden`}>${retryText(view)}</button><button class="secondary" id="cancel" data-script disabled${!canCancel(view) && html` hidden`}>Cancel order</button></div></div>
<p class="sr-only" role="status" id="order-status">${statusText(view)}</p>
<div data-live="notice">${live.notice}</div>
<noscript><p class="panel">Reload this page to see what is new. Cancelling needs JavaScript.</p></noscript>
<section class="card" aria-labelledby="progress"><h2 id="progress">Progress</h2><div data-live="progress">${live.progress}</div><p class="soft small" id="live-note" hidden></p></section>
<div class="columns"><div><section class="card" aria-labelledby="items"><h2 id="items">Items</h2><ul class="summary-lines">${o.lines.map((l) => html`
<li><img src="${picturePath(l.productId)}" alt="" width="56" height="56" loading="lazy"><span><a href="${productPath(l.productId)}">${l.name}</a><span class="soft">${l.quantity} × ${money(l.unitPriceMinor, o.currency)}</span></span><span class="amount">${money(l.lineTotalMinor, o.currency)}</span></li>`)}</ul>
<dl class="totals"><div class="grand"><dt>Total</dt><dd>${money(o.totalMinor, o.currency)}</dd></div></dl></section>
${o.address && html`<section class="card" aria-labelledby="address"><h2 id="address">Going to</h2>${addressLines(h, o.address)}</section>`}</div>
<div><section class="card" aria-labelledby="payment"><h2 id="payment">Payment</h2><div data-live="payment">${live.payment}</div></section>
<section class="card" aria-labelledby="parcel"><h2 id="parcel">Parcel</h2><div data-live="shipment">${live.shipment}</div></section></div></div>
<dialog id="cancel-dialog" aria-labelledby="cancel-title"><h2 id="cancel-title">Cancel order ${o.number}?</h2><p>Reserved items go back on the shelf, and what was paid is refunded. This cannot be undone.</p>
<form method="dialog" class="row"><button class="secondary" value="keep" autofocus>Keep the order</button><button class="danger" value="cancel">Cancel the order</button></form></dialog>
</div>`,
  })
}
