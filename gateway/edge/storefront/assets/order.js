/** An order's page: follows it live, cancels it, and helps on after a declined payment. */
import { api, newKey, wordsOf } from './api.js'
import { $, busy, h, toast } from './dom.js'
import { canCancel, canRetry, isSettled, orderParts, retryText, statusText } from './order-view.js'

const root = $('order')
const { order: id } = root.dataset
const path = `/api/orders/${encodeURIComponent(id)}`
let stream

function show(view) {
  const parts = orderParts(h, view)
  for (const [name, node] of Object.entries(parts)) document.querySelector(`[data-live="${name}"]`).replaceChildren(node)
  if ($('order-status').textContent !== statusText(view)) $('order-status').textContent = statusText(view)
  $('cancel').hidden = !canCancel(view)
  $('retry').hidden = !canRetry(view)
  $('retry').textContent = retryText(view)
  if (!canCancel(view) && $('cancel-dialog').open) $('cancel-dialog').close('keep')
  if (isSettled(view)) stream?.close()
}

function note(text) {
  $('live-note').textContent = text
  $('live-note').hidden = text === ''
}

if (!('settled' in root.dataset)) {
  stream = new EventSource(`${path}/events`)
  stream.addEventListener('order', ({ data }) => { note(''); show(JSON.parse(data)) })
  stream.addEventListener('error', () => note(stream.readyState === EventSource.CLOSED ? 'Live updates have stopped. Reload the page to see what is new.' : 'Connecting again…'))
  addEventListener('pagehide', () => stream.close())
  addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload() })
}

const dialog = $('cancel-dialog')
$('cancel').addEventListener('click', () => dialog.showModal())
dialog.addEventListener('close', () => { if (dialog.returnValue === 'cancel') { dialog.returnValue = ''; busy($('cancel'), cancel) } })

const cancelKey = newKey()
async function cancel() {
  try {
    await api('POST', `${path}/cancel`, { headers: { 'idempotency-key': cancelKey } })
    toast('We are cancelling your order')
    show((await api('GET', path)).body)
  } catch (error) {
    toast(wordsOf(error), { kind: 'bad' })
  }
}

/** Puts back what is missing from the cart, and goes to pay in another way. */
$('retry').addEventListener('click', () => busy($('retry'), async () => {
  try {
    const { body: cart } = await api('GET', '/api/cart')
    for (const { productId, quantity } of JSON.parse(root.dataset.lines))
      if (!cart.lines.some((l) => l.productId === productId)) await api('PUT', `/api/cart/lines/${encodeURIComponent(productId)}`, { body: { quantity } })
    location.assign('/checkout')
  } catch (error) {
    toast(wordsOf(error), { kind: 'bad', link: { href: '/cart', text: 'Look at the cart' } })
  }
}))
