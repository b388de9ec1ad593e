/** What is live on an order's page: drawn by the edge at first, and by the browser whenever the order changes. */
import { moment, money } from './format.js'

const STATUS = {
  placed: 'Order placed', reserved: 'Items set aside', authorized: 'Payment approved', prepared: 'Parcel packed', captured: 'Paid', completed: 'Confirmed',
  cancelling: 'Being cancelled', cancelled: 'Cancelled', rejected: 'Not completed', created: 'Packed', dispatched: 'Handed to the carrier', 'in-transit': 'On its way', delivered: 'Delivered',
}
const ENDED_BADLY = ['cancelled', 'rejected']
const STEPS = [['placed', 'Placed'], ['reserved', 'Items set aside'], ['authorized', 'Payment approved'], ['prepared', 'Packed'], ['completed', 'Paid'], ['dispatched', 'On its way'], ['delivered', 'Delivered']]
const RANK = { placed: 0, reserved: 1, authorized: 2, prepared: 3, captured: 4, completed: 4, dispatched: 5, 'in-transit': 5, delivered: 6 }
const REASON = {
  'out-of-stock': ['Something in it just sold out', 'Your items are back in the cart: choose fewer or something else.'],
  declined: ['Your payment was declined', 'Your items are back in the cart, so you can try another card or a bank account.'],
  'timed-out': ['It took too long to complete', 'Your items are back in the cart: please try again.'],
  'shipping-refused': ['We could not ship it', 'Check the address and try again.'],
  'payment-failed': ['The payment could not be completed', 'You can try another way to pay.'],
}
const DECLINED = { 'insufficient-funds': 'The provider says: not enough funds.', 'card-declined': 'The provider gave no further reason.', 'account-closed': 'The provider says: the account is closed.' }
const PAYMENT = { pending: 'Waiting for the provider', authorized: 'Approved, not charged yet', declined: 'Declined', captured: 'Charged', settled: 'Charged', cancelled: 'Not charged', refunded: 'Refunded' }
const METHOD = { card: 'Credit card', 'bank-account': 'Bank account' }
const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })
const of = (table, key) => (Object.hasOwn(table, key ?? '') ? table[key] : undefined)

export const countryName = (code) => (/^[A-Z]{2}$/.test(code) ? names.of(code) : code)
export const isSettled = ({ order, shipment }) => ENDED_BADLY.includes(order.status) || (order.status === 'completed' && shipment.value?.status === 'delivered')
export const canCancel = ({ order, shipment }) => !ENDED_BADLY.includes(order.status) && order.status !== 'cancelling' && !['dispatched', 'in-transit', 'delivered'].includes(shipment.value?.status)
export const canRetry = ({ order }) => order.status === 'rejected'

export const retryText = ({ order }) => (['declined', 'payment-failed'].includes(order.reason) ? 'Try another card' : 'Try again')

/** One sentence for headline and screen readers. */
export function statusText({ order, shipment }) {
  const parcel = shipment.value?.status
  if (!ENDED_BADLY.includes(order.status) && ['dispatched', 'in-transit', 'delivered'].includes(parcel)) return STATUS[parcel]
  return of(STATUS, order.status) ?? order.status
}

export const statusBadge = (h, { status }) => h('span', { class: `badge ${status === 'rejected' ? 'bad' : status === 'completed' ? 'good' : status === 'cancelled' ? 'off' : 'going'}` }, of(STATUS, status) ?? status)

export const addressLines = (h, { recipient, line1, line2, postalCode, city, country }) =>
  h('address', null, [recipient, line1, line2, `${postalCode} ${city}`, countryName(country)].filter(Boolean).map((line) => h('span', null, line)))

const charged = ({ payment }) => (payment?.status === 'refunded' ? 'Your money is on its way back to you.' : 'Nothing was charged.')

function notice(h, { order }) {
  if (order.status === 'rejected') {
    const [title, text] = of(REASON, order.reason) ?? ['We could not complete this order', 'Please try again.']
    const why = order.payment?.declineReason
    return h('div', { class: 'panel bad' }, h('h2', null, title), h('p', null, order.reason === 'declined' && why ? `${of(DECLINED, why) ?? `The provider says: ${why}.`} ` : '', `${charged(order)} ${text}`))
  }
  if (order.status === 'cancelled') {
    return h('div', { class: 'panel' }, h('h2', null, order.reason === 'customer' ? 'You cancelled this order' : 'This order was cancelled'), h('p', null, charged(order)))
  }
  if (order.status === 'cancelling') return h('div', { class: 'panel' }, h('h2', null, 'We are cancelling this order'), h('p', null, 'Payment and stock are being given back. This takes a moment.'))
  return h('div', null)
}

function progress(h, { order, shipment }) {
  const seen = [...(order.history ?? []), ...(shipment.value?.tracking ?? [])]
  const isEnded = ENDED_BADLY.includes(order.status) || order.status === 'cancelling'
  const reached = Math.max(0, ...[order.status, shipment.value?.status, ...seen.map((s) => s.status)].map((s) => of(RANK, s) ?? 0))
  const when = (key) => seen.find((s) => s.status === key || (key === 'completed' && s.status === 'captured'))?.at
  const steps = STEPS.map(([key, label], i) => ({ key, label, at: when(key), state: isEnded ? (when(key) ? 'done' : 'off') : i < reached || (i === reached && reached === STEPS.length - 1) ? 'done' : i === reached ? 'now' : 'next' }))
  const shown = isEnded ? [...steps.filter((s) => s.state === 'done'), { key: order.status, label: of(STATUS, order.status), at: seen.findLast((s) => s.status === order.status)?.at, state: 'stop' }] : steps
  const spoken = { done: 'Done: ', now: 'Current step: ', next: 'To come: ', stop: 'Ended: ', off: '' }
  return h('ol', { class: 'steps' }, shown.map((s) => h('li', { class: s.state, 'aria-current': s.state === 'now' ? 'step' : null },
    h('span', { class: 'sr-only' }, spoken[s.state]), h('span', { class: 'step-name' }, s.label), s.at && h('time', { datetime: s.at }, moment(s.at)))))
}

function shipmentPart(h, { order, shipment }) {
  const { state, value } = shipment
  if (state === 'unavailable') return h('p', { class: 'soft' }, 'Parcel details are not reachable right now. They come back by themselves.')
  if (state === 'absent' || !value) return h('p', { class: 'soft' }, ENDED_BADLY.includes(order.status) ? 'No parcel was sent.' : 'We pack your parcel once the payment is approved.')
  const packages = value.billOfLading?.packages ?? []
  return h('div', null,
    h('dl', { class: 'facts' },
      h('div', null, h('dt', null, 'Parcel'), h('dd', null, value.number)),
      h('div', null, h('dt', null, 'State'), h('dd', null, of(STATUS, value.status) ?? value.status)),
      value.billOfLading?.number && h('div', null, h('dt', null, 'Bill of lading'), h('dd', null, value.billOfLading.number))),
    h('ul', { class: 'plain' }, packages.map((p) => h('li', null, h('strong', null, `Package ${p.number ?? ''}`), p.weightGrams ? h('span', { class: 'soft' }, ` ${(p.weightGrams / 1000).toFixed(1)} kg`) : null,
      h('span', { class: 'soft' }, (p.lines ?? []).map((l) => `${l.quantity} × ${l.name}`).join(', '))))),
    value.tracking.length > 0 && h('ol', { class: 'tracking' }, value.tracking.map((t) => h('li', null, h('span', null, of(STATUS, t.status) ?? t.status), h('time', { datetime: t.at }, moment(t.at))))))
}

function paymentPart(h, { order, invoice }) {
  const { method, status } = order.payment ?? {}
  return h('div', null,
    h('dl', { class: 'facts' },
      h('div', null, h('dt', null, 'Paid by'), h('dd', null, of(METHOD, method) ?? '–')),
      h('div', null, h('dt', null, 'Payment'), h('dd', null, of(PAYMENT, status) ?? '–')),
      h('div', null, h('dt', null, 'Total'), h('dd', null, money(order.totalMinor, order.currency)))),
    invoice.state === 'ok' && invoice.value ? h('p', null, h('a', { href: `/orders/${encodeURIComponent(order.id)}/invoice` }, `Invoice ${invoice.value.number}`))
    : h('p', { class: 'soft' }, invoice.state === 'unavailable' ? 'The invoice is not reachable right now.' : ENDED_BADLY.includes(order.status) ? 'There is no invoice for this order.' : 'The invoice is written once the order is paid.'))
}

/** By data-live of the element that holds it. */
export const orderParts = (h, view) => ({
  headline: h('span', null, statusText(view)), notice: notice(h, view), progress: progress(h, view), shipment: shipmentPart(h, view), payment: paymentPart(h, view),
})
