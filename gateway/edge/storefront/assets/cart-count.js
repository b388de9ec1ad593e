/** The number beside the cart, for eyes and for screen readers. */
export function showCount(count) {
  const number = document.querySelector('[data-cart-count]')
  number.textContent = String(count)
  number.hidden = count === 0
  document.querySelector('[data-cart-words]').textContent = count === 1 ? '1 item' : `${count} items`
}
