/** The cart and its totals, drawn by the edge at first and by the browser after each change. */
import { money } from './format.js'

const picture = (h, line, size) => h('img', { src: `/pictures/${encodeURIComponent(line.productId)}`, alt: '', width: size, height: size, loading: 'lazy' })
const isShort = (line) => line.available === false

const stepper = (h, line) => h('div', { class: 'stepper', role: 'group', 'aria-label': `Quantity of ${line.name}` },
  h('button', { type: 'button', 'data-act': 'less', 'aria-label': `One less of ${line.name}`, disabled: line.quantity <= 1 }, '−'),
  h('input', { type: 'number', min: 1, max: 99, value: line.quantity, inputmode: 'numeric', 'data-act': 'quantity', 'aria-label': `Quantity of ${line.name}` }),
  h('button', { type: 'button', 'data-act': 'more', 'aria-label': `One more of ${line.name}`, disabled: line.quantity >= 99 }, '+'))

export const cartLines = (h, cart) => h('ul', { class: 'lines' }, cart.lines.map((line) => h('li', { class: 'line', 'data-product': line.productId },
  h('a', { class: 'line-picture', href: `/products/${encodeURIComponent(line.productId)}`, tabindex: -1, 'aria-hidden': 'true' }, picture(h, line, 104)),
  h('div', { class: 'line-what' },
    h('h2', null, h('a', { href: `/products/${encodeURIComponent(line.productId)}` }, line.name)),
    h('p', { class: 'soft' }, [line.seller, line.number].filter(Boolean).join(' · ')),
    h('p', { class: 'soft' }, `${money(line.unitPriceMinor, line.currency)} each`),
    isShort(line) && h('p', { class: 'tag bad' }, 'Not enough in stock: choose fewer')),
  stepper(h, line),
  h('p', { class: 'line-total' }, money(line.lineTotalMinor, line.currency)),
  h('button', { type: 'button', class: 'quiet', 'data-act': 'remove', 'aria-label': `Remove ${line.name}` }, 'Remove'))))

export const cartTotals = (h, cart) => h('div', null,
  h('dl', { class: 'totals' },
    h('div', null, h('dt', null, cart.count === 1 ? '1 item' : `${cart.count} items`), h('dd', null, money(cart.totalMinor, cart.currency))),
    h('div', null, h('dt', null, 'Delivery'), h('dd', null, 'Included')),
    h('div', { class: 'grand' }, h('dt', null, 'Total'), h('dd', null, money(cart.totalMinor, cart.currency)))),
  cart.lines.some(isShort) && h('p', { class: 'tag bad' }, 'Some items are short in stock'))

export const summaryLines = (h, cart) => h('div', null,
  h('ul', { class: 'summary-lines' }, cart.lines.map((line) => h('li', null,
    picture(h, line, 56),
    h('span', null, h('strong', null, line.name), h('span', { class: 'soft' }, `${line.quantity} × ${money(line.unitPriceMinor, line.currency)}`), isShort(line) && h('span', { class: 'tag bad' }, 'Not enough in stock')),
    h('span', { class: 'amount' }, money(line.lineTotalMinor, line.currency))))),
  cartTotals(h, cart))
