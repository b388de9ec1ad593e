/** Checkout: agrees on a total, gets a payment token, places the order exactly once. */
import { api, newKey, Refused, wordsOf } from './api.js'
import { summaryLines } from './cart-view.js'
import { showCount } from './cart-count.js'
import { $, busy, h } from './dom.js'
import { check, complain, read, showErrors, watch } from './form.js'
import { money } from './format.js'
import { createPaymentField } from './payment-field.js'

const form = $('checkout')
const order = $('order')
const profile = JSON.parse(form.dataset.profile)
const agreed = { totalMinor: Number(form.dataset.total), currency: form.dataset.currency, isOrderable: !('short' in form.dataset) }
let payment
/** Kept while an outcome is unknown, so that a repeated order is the same order. */
let key = newKey()

const method = () => form.elements.method.value
const isNew = () => (form.elements.kept?.value ?? 'new') === 'new'

const field = createPaymentField($('payment-field'), (given) => {
  payment = { method: method(), ...given }
  field.hide()
  $('payment-ready').hidden = false
  $('payment-hint').textContent = given.hint
  update()
  $('payment-again').focus()
})

function update() {
  order.disabled = !payment || !agreed.isOrderable
  $('order-total').textContent = money(agreed.totalMinor, agreed.currency)
  $('order-hint').textContent = !agreed.isOrderable ? 'Something is short in stock. Change the cart first.' : payment ? 'You will be charged when your parcel is packed.' : 'Enter your payment details to order.'
}

function anew() {
  payment = undefined
  $('payment-ready').hidden = true
  field.show(method())
  update()
}

form.addEventListener('change', ({ target }) => {
  if (target.name === 'method') anew()
  if (target.name === 'kept') $('new-address').hidden = !isNew()
})
$('payment-again').addEventListener('click', () => { anew(); $('payment-field').focus() })
form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (order.disabled) return
  busy(order, place)
})

async function place() {
  complain($('checkout-problem'))
  if (!check(form)) return
  const name = form.elements.name.value.trim().normalize('NFC')
  const address = isNew() ? read(form, 'address') : profile.addresses[Number(form.elements.kept.value)]
  try {
    const { body } = await api('POST', '/api/orders', {
      headers: { 'idempotency-key': key },
      body: { delivery: form.elements.delivery.value, name, address, payment: { method: payment.method, token: payment.token }, agreedTotalMinor: agreed.totalMinor, currency: agreed.currency },
    })
    await keep(name, address)
    location.assign(`/orders/${encodeURIComponent(body.id)}`)
  } catch (error) {
    await explain(error)
  }
}

/** For next time. The order stands, so a profile that cannot be saved is no reason to stop. */
async function keep(name, address) {
  const isKept = isNew() && form.elements.keep?.checked
  if (!form.dataset.etag || (!isKept && profile.name !== '')) return
  await api('PUT', '/api/profile', { headers: { 'if-match': form.dataset.etag }, body: { name, addresses: [...profile.addresses, ...(isKept ? [address] : [])] } }).catch(() => {})
}

async function explain(error) {
  if (!(error instanceof Refused)) throw error
  const box = $('checkout-problem')
  const { code, status, errors } = error.problem
  // Refused for certain: nothing was ordered, and the next attempt is another request.
  if (status >= 400 && status < 500 && code !== 'idempotency-mismatch') key = newKey()
  if (code === 'price-changed' || code === 'out-of-stock') return newTotal(box, code)
  if (code === 'cart-empty' || code === 'idempotency-mismatch')
    return complain(box, h('p', null, 'This cart seems to be ordered already. ', h('a', { href: '/orders' }, 'Look at your orders')))
  if (status === 401) return complain(box, h('p', null, 'Your session has ended. ', h('a', { href: '/login?return=%2Fcheckout' }, 'Sign in again')))
  if (status === 0 || status >= 500) return complain(box, h('p', null, h('strong', null, wordsOf(error))), h('p', null, 'If you press the button again, you are not charged twice.'))
  const { isShown, rest } = showErrors(form, errors)
  if (!isShown) {
    complain(box, h('p', null, h('strong', null, wordsOf(error))), rest.length ? h('ul', null, rest.map((text) => h('li', null, text))) : '')
    if (errors?.some((e) => e.field.startsWith('body.payment'))) anew()
  }
}

/** Prices or stock moved: show what is true now, and ask again. */
async function newTotal(box, code) {
  const before = agreed.totalMinor
  const { body: cart } = await api('GET', '/api/cart')
  if (cart.lines.length === 0) return location.assign('/cart')
  agreed.totalMinor = cart.totalMinor
  agreed.isOrderable = cart.lines.every((l) => l.available !== false)
  showCount(cart.count)
  $('summary-lines').replaceChildren(summaryLines(h, cart))
  update()
  complain(box, code === 'out-of-stock'
    ? h('p', null, h('strong', null, 'Something just ran short. '), 'Nothing was ordered. ', h('a', { href: '/cart' }, 'Change the cart'))
    : h('p', null, h('strong', null, `The total is now ${money(cart.totalMinor, cart.currency)}`), ` (before: ${money(before, cart.currency)}). Nothing was ordered. Press the button again if you agree.`))
}

watch(form)
$('new-address').hidden = !isNew() // browsers keep choices over a reload
anew()
