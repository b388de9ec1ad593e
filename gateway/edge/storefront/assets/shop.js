/** On every page: adding to the cart, the count in the header, the account menu. */
import { api, wordsOf } from './api.js'
import { $, busy, enable, toast } from './dom.js'
import { showCount } from './cart-count.js'

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!form.matches('[data-add]')) return
  event.preventDefault()
  busy(form.querySelector('button'), () => add(form.dataset.add, Number(form.elements.quantity.value)))
})

/** The API sets quantities, so what is there already is counted in. */
async function add(productId, quantity) {
  try {
    const present = (await api('GET', '/api/cart')).body.lines.find((l) => l.productId === productId)?.quantity ?? 0
    const { body: cart } = await api('PUT', `/api/cart/lines/${encodeURIComponent(productId)}`, { body: { quantity: Math.min(99, present + quantity) } })
    showCount(cart.count)
    const line = cart.lines.find((l) => l.productId === productId)
    toast(line?.available === false ? 'In your cart, but there is not enough in stock' : present ? `${line.quantity} of it in your cart now` : 'Added to your cart', { kind: line?.available === false ? 'warn' : 'good', link: { href: '/cart', text: 'Go to cart' } })
  } catch (error) {
    toast(wordsOf(error), { kind: 'bad' })
  }
}

const menu = document.querySelector('details.menu')
if (menu) {
  document.addEventListener('click', ({ target }) => { if (!menu.contains(target)) menu.open = false })
  menu.addEventListener('keydown', ({ key }) => { if (key === 'Escape' && menu.open) { menu.open = false; menu.querySelector('summary').focus() } })
}

// A page that the browser kept may be older than the cart.
addEventListener('pageshow', ({ persisted }) => { if (persisted && $('cart')) location.reload() })
enable()
