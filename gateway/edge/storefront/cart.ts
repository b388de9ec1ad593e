import { html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { cartLines, cartTotals } from './assets/cart-view.js'
import { h } from './draw.ts'
import { icon, page } from './layout.ts'
import type { Cart } from './shapes.ts'

/** What is in the cart, before and after signing in. */
export const cart: Page = async (call) => {
  const { body } = await call.api<Cart>('getCart')
  const isEmpty = body.lines.length === 0
  return page(call, {
    title: 'Cart', scripts: ['cart.js'],
    body: html`<h1>Your cart</h1>
<noscript><p class="panel">Changing the cart and ordering need JavaScript. You can still read everything here.</p></noscript>
<div class="with-summary" id="cart"${isEmpty && html` hidden`}>
<div id="cart-lines">${cartLines(h, body)}</div>
<section class="card summary" aria-labelledby="summary"><h2 id="summary">Summary</h2><div id="cart-totals">${cartTotals(h, body)}</div>
<a class="button primary" href="/checkout">${call.user ? 'Go to checkout' : 'Sign in and check out'}</a>
${!call.user && html`<p class="soft small">Your cart comes with you when you sign in.</p>`}<p><a href="/search">Keep looking around</a></p></section></div>
<section class="blank" id="cart-empty"${!isEmpty && html` hidden`}>${icon(call, 'cart')}<h2>Your cart is empty</h2><p>What you put in stays here until you order or take it out.</p>
<p class="row"><a class="button primary" href="/search">Find something</a></p></section>`,
  })
}
