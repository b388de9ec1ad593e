/** Creates and edits a product. Two people editing the same one is shown, and decided by the seller. */
import { api, newKey, Refused, wordsOf } from './api.js'
import { $, busy, h, toast } from './dom.js'
import { check, complain, showErrors, watch } from './form.js'
import { amount, money } from './format.js'

const form = $('product')
const id = form.dataset.product
let key = newKey()

const minor = (text) => { const [whole, part = ''] = text.trim().split(/[.,]/); return Number(whole) * 100 + Number(part.padEnd(2, '0')) }
const value = (name) => form.elements[name].value.trim().normalize('NFC')
const edit = () => ({ name: value('name'), description: value('description').replaceAll('\r\n', '\n'), category: value('category'), priceMinor: minor(value('priceMinor')), currency: 'EUR', stock: Number(value('stock')) })

form.addEventListener('submit', (event) => {
  event.preventDefault()
  busy(form.querySelector('button.primary'), save)
})

async function save() {
  complain($('form-problem'))
  complain($('conflict'))
  if (!check(form)) return
  try {
    if (!id) {
      const { body } = await api('POST', '/api/seller/products', { headers: { 'idempotency-key': key }, body: edit() })
      return location.assign(`/products/${encodeURIComponent(body.id)}`)
    }
    const { etag } = await api('PUT', `/api/seller/products/${encodeURIComponent(id)}`, { headers: { 'if-match': form.dataset.etag }, body: edit() })
    form.dataset.etag = etag
    toast('Saved', { link: { href: `/products/${encodeURIComponent(id)}`, text: 'See it in the shop' } })
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const { status, errors } = error.problem
    if (status === 412) return conflict()
    if (status >= 400 && status < 500) key = newKey()
    if (!showErrors(form, errors).isShown) complain($('form-problem'), h('p', null, wordsOf(error)))
  }
}

/** Somebody else saved first: theirs beside ours, and the choice. */
async function conflict() {
  const { body: theirs, etag } = await api('GET', `/api/products/${encodeURIComponent(id)}`)
  const ours = edit()
  const show = { name: ['Name', (v) => v], description: ['Description', (v) => v], category: ['Category', (v) => v], priceMinor: ['Price', (v) => money(v, 'EUR')], stock: ['In stock', (v) => v] }
  const changed = Object.entries(show).filter(([name]) => theirs[name] !== ours[name])
  const take = h('button', { type: 'button', class: 'secondary' }, 'Take theirs')
  const keep = h('button', { type: 'button', class: 'secondary' }, 'Save mine over it')
  take.addEventListener('click', () => {
    for (const [name] of changed) form.elements[name].value = name === 'priceMinor' ? amount(theirs[name]) : theirs[name]
    form.dataset.etag = etag
    complain($('conflict'))
    form.elements.name.focus()
  })
  keep.addEventListener('click', () => { form.dataset.etag = etag; busy(keep, save) })
  complain($('conflict'), h('h2', null, 'Somebody changed this product meanwhile'), h('p', null, 'Nothing was saved yet. This differs:'),
    h('div', { class: 'scroll' }, h('table', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, ''), h('th', { scope: 'col' }, 'Theirs'), h('th', { scope: 'col' }, 'Yours'))),
      h('tbody', null, changed.map(([name, [label, as]]) => h('tr', null, h('th', { scope: 'row' }, label), h('td', null, as(theirs[name])), h('td', null, as(ours[name]))))))),
    h('p', { class: 'row' }, keep, take))
}

watch(form)
