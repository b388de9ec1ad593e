import { html, type Html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { addressFields, field } from './assets/address-view.js'
import { summaryLines } from './assets/cart-view.js'
import { money } from './assets/format.js'
import { addressLines } from './assets/order-view.js'
import { h } from './draw.ts'
import { icon, page } from './layout.ts'
import type { Cart, Profile } from './shapes.ts'

/**
 * Address, delivery, payment, and the total that is agreed to. The payment's secrets are typed into the provider's own
 * frame; this page only ever learns a token.
 */
export const checkout: Page = async (call) => {
  const { body: profile, etag } = await call.api<Profile>('getProfile')
  const { body: cart } = await call.api<Cart>('getCart')
  if (cart.lines.length === 0) return { redirect: '/cart' }
  const kept = profile.addresses
  return page(call, {
    title: 'Checkout', scripts: ['checkout.js'],
    body: html`<h1>Checkout</h1>
<noscript><p class="panel bad">Ordering needs JavaScript: the payment provider’s field cannot work without it.</p></noscript>
<form id="checkout" class="with-summary" novalidate data-total="${cart.totalMinor}" data-currency="${cart.currency}"${cart.lines.some((l) => l.available === false) && html` data-short`} data-etag="${etag ?? ''}" data-profile="${JSON.stringify({ name: profile.name, addresses: kept })}">
<div>
<section class="card part" aria-labelledby="who"><h2 id="who"><span class="nr">1</span>Where to</h2>
${field(h, { name: 'name', label: 'Your name', value: profile.name || call.user?.name, complete: 'name', max: 100, invalid: 'Enter your name', hint: 'For the invoice' })}
${kept.length > 0 && html`<fieldset><legend>Send it to</legend><div class="choices two">${kept.map((address, i) => html`
<label class="choice"><input type="radio" name="kept" value="${i}"${i === 0 && html` checked`}>${addressLines(h, address)}</label>`)}
<label class="choice"><input type="radio" name="kept" value="new"><span><strong>Another address</strong></span></label></div></fieldset>`}
<div id="new-address"${kept.length > 0 && html` hidden`}><h3${kept.length > 0 ? null : html` class="sr-only"`}>Address</h3>${addressFields(h, 'address')}
${kept.length < 10 && html`<label class="check"><input type="checkbox" name="keep"${kept.length === 0 && html` checked`}> Keep this address for next time</label>`}</div></section>
<section class="card part" aria-labelledby="how"><h2 id="how"><span class="nr">2</span>How fast</h2><div class="choices two" role="radiogroup" aria-labelledby="how">
${choice('delivery', 'standard', 'Standard', 'Joins the next round of parcels. Included.', true)}
${choice('delivery', 'express', 'Express', 'Packed first, before anything else. Included.')}</div></section>
<section class="card part" aria-labelledby="pay"><h2 id="pay"><span class="nr">3</span>How to pay</h2><div class="choices two" role="radiogroup" aria-labelledby="pay">
${choice('method', 'card', 'Credit card', 'Approved now, charged when it is packed.', true)}
${choice('method', 'bank-account', 'Bank account', 'Taken from your account when it is packed.')}</div>
<p class="soft small lock">${icon(call, 'lock')}The field below belongs to the payment provider. We never see what you type there.</p>
<iframe id="payment-field" title="Payment details, at the payment provider" data-origin="${call.pspOrigin}" sandbox="allow-scripts allow-same-origin allow-forms" referrerpolicy="origin"></iframe>
<div id="payment-ready" class="panel good" hidden><p><strong>Ready to pay</strong> <span id="payment-hint"></span></p><button type="button" class="quiet" id="payment-again">Use something else</button></div></section>
</div>
<section class="card summary" aria-labelledby="summary"><h2 id="summary">Your order</h2><div id="summary-lines">${summaryLines(h, cart)}</div>
<div id="checkout-problem" class="panel bad" role="alert" tabindex="-1" hidden></div>
<button class="primary" id="order" disabled aria-describedby="order-hint">Order and pay <span id="order-total">${money(cart.totalMinor, cart.currency)}</span></button>
<p class="soft small" id="order-hint" role="status">Enter your payment details to order.</p><p class="small"><a href="/cart">Change the cart</a></p></section>
</form>`,
  })
}

const choice = (name: string, value: string, label: string, text: string, isChecked = false): Html =>
  html`<label class="choice"><input type="radio" name="${name}" value="${value}"${isChecked && html` checked`}><span><strong>${label}</strong><span class="soft">${text}</span></span></label>`
