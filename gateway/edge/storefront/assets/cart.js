/** Changes quantities and takes lines out. One change at a time; the edge's answer is what is shown. */
import { api, wordsOf } from './api.js'
import { cartLines, cartTotals } from './cart-view.js'
import { showCount } from './cart-count.js'
import { $, h, toast } from './dom.js'

const holder = $('cart-lines')
let last = Promise.resolve()

holder.addEventListener('click', ({ target }) => {
  const button = target.closest('button[data-act]')
  if (!button) return
  const { line, input } = partsOf(button)
  const { act } = button.dataset
  if (act === 'remove') change(line, null, 'remove')
  else {
    input.value = String(Math.min(99, Math.max(1, Number(input.value) + (act === 'more' ? 1 : -1))))
    change(line, Number(input.value), act)
  }
})
holder.addEventListener('change', ({ target }) => {
  if (target.dataset.act !== 'quantity') return
  const { line } = partsOf(target)
  const quantity = Math.round(Number(target.value))
  if (quantity >= 1 && quantity <= 99) change(line, quantity, 'quantity')
  else {
    toast('Choose from 1 to 99', { kind: 'bad' })
    target.value = target.defaultValue
  }
})

const partsOf = (node) => { const line = node.closest('[data-product]'); return { line, input: line.querySelector('input') } }

function change(line, quantity, act) {
  const id = line.dataset.product
  const name = line.querySelector('h2').textContent
  last = last.then(async () => {
    line.setAttribute('aria-busy', 'true')
    try {
      const path = `/api/cart/lines/${encodeURIComponent(id)}`
      const { body: cart } = quantity === null ? await api('DELETE', path) : await api('PUT', path, { body: { quantity } })
      show(cart, id, act)
      if (quantity === null) toast(`Took out ${name}`)
    } catch (error) {
      line.removeAttribute('aria-busy')
      line.querySelector('input').value = line.querySelector('input').defaultValue
      toast(wordsOf(error), { kind: 'bad' })
    }
  })
}

/** Draws the cart anew and gives the focus back to where it was. */
function show(cart, id, act) {
  showCount(cart.count)
  const isEmpty = cart.lines.length === 0
  const hadFocus = holder.contains(document.activeElement)
  holder.replaceChildren(cartLines(h, cart))
  $('cart-totals').replaceChildren(cartTotals(h, cart))
  $('cart').hidden = isEmpty
  $('cart-empty').hidden = !isEmpty
  if (!hadFocus) return
  const line = holder.querySelector(`[data-product="${CSS.escape(id)}"]`)
  const same = line?.querySelector(`[data-act="${act}"]:not([disabled])`) ?? line?.querySelector('input') ?? holder.querySelector('a:not([tabindex])')
  ;(isEmpty ? $('cart-empty').querySelector('a') : same)?.focus()
}
