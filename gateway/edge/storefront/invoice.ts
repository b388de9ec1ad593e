import { html, type Html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { day, money } from './assets/format.js'
import { addressLines } from './assets/order-view.js'
import { h } from './draw.ts'
import { icon, page } from './layout.ts'
import type { Invoice, OrderView } from './shapes.ts'

const PAID: Record<string, string> = { card: 'by credit card', 'bank-account': 'from your bank account' }

/** The invoice, made to be printed. */
export const invoice: Page = async (call) => {
  const { body: { order, invoice } } = await call.api<OrderView>('getOrder', { params: { orderId: call.params['orderId']! } })
  const back = html`<nav class="crumbs" aria-label="You are here"><ol><li><a href="/orders">Your orders</a></li><li><a href="/orders/${encodeURIComponent(order.id)}">Order ${order.number}</a></li><li aria-current="page">Invoice</li></ol></nav>`
  if (invoice.state === 'ok' && invoice.value) return page(call, { title: `Invoice ${invoice.value.number}`, width: 'narrow', scripts: ['print.js'], body: html`${back}${sheet(call.brand, order.number, invoice.value)}` })
  const isAway = invoice.state === 'unavailable'
  return page(call, {
    title: 'No invoice yet', width: 'narrow', status: isAway ? 503 : 404,
    body: html`${back}<section class="blank">${icon(call, 'page')}<h1>${isAway ? 'The invoice is not reachable right now' : 'There is no invoice yet'}</h1>
<p>${isAway ? 'Wait a moment and reload this page.' : 'It is written once the order is paid.'}</p><p class="row"><a class="button primary" href="/orders/${encodeURIComponent(order.id)}">Back to the order</a></p></section>`,
  })
}

const sheet = (brand: string, orderNumber: string, i: Invoice): Html => html`<article class="card invoice">
<div class="section-head"><div><p class="brand">${brand}</p><h1>Invoice ${i.number}</h1></div><button class="secondary" id="print" hidden>Print</button></div>
<div class="parties"><div><h2>Billed to</h2>${i.name && i.name !== i.address?.recipient && html`<p><strong>${i.name}</strong></p>`}${i.address && addressLines(h, i.address)}</div>
<dl class="facts"><div><dt>Date</dt><dd>${day(i.issuedAt)}</dd></div><div><dt>Order</dt><dd>${orderNumber}</dd></div><div><dt>Paid</dt><dd>${PAID[i.payment?.method ?? ''] ?? '–'}${i.payment?.status === 'refunded' ? ', refunded' : ''}</dd></div></dl></div>
<div class="scroll" role="region" aria-label="Items" tabindex="0"><table><thead><tr><th scope="col">Item</th><th scope="col" class="amount">Quantity</th><th scope="col" class="amount">Each</th><th scope="col" class="amount">Amount</th></tr></thead>
<tbody>${i.lines.map((l) => html`
<tr><th scope="row">${l.name ?? ''}</th><td class="amount">${l.quantity ?? 0}</td><td class="amount">${money(l.unitPriceMinor ?? 0, i.currency)}</td><td class="amount">${money(l.lineTotalMinor ?? (l.unitPriceMinor ?? 0) * (l.quantity ?? 0), i.currency)}</td></tr>`)}</tbody>
<tfoot><tr><th scope="row" colspan="3">Total</th><td class="amount">${money(i.totalMinor, i.currency)}</td></tr></tfoot></table></div>
<p class="soft small">A demonstration invoice. Nothing was really sold.</p></article>`
