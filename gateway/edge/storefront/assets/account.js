/** Edits name and addresses; a change made elsewhere meanwhile is never overwritten. */
import { addressFields } from './address-view.js'
import { api, Refused, wordsOf } from './api.js'
import { $, busy, h, toast } from './dom.js'
import { check, complain, read, showErrors, watch } from './form.js'

const MOST = 10
const form = $('account')
const list = $('addresses')
let next = list.children.length

const cards = () => [...list.querySelectorAll('fieldset')]
const update = () => { $('add-address').hidden = cards().length >= MOST }

$('add-address').addEventListener('click', () => {
  const i = next++
  list.append(h('fieldset', { class: 'card part' }, h('legend', null, 'New address'), addressFields(h, `addresses[${i}]`),
    h('button', { type: 'button', class: 'quiet', 'data-remove': true }, 'Remove this address')))
  list.lastElementChild.querySelector('input').focus()
  update()
})
list.addEventListener('click', ({ target }) => {
  if (!target.matches('[data-remove]')) return
  target.closest('fieldset').remove()
  toast('Taken out. Save to keep it that way.')
  update()
  $('add-address').focus()
})
form.addEventListener('submit', (event) => {
  event.preventDefault()
  busy(form.querySelector('button.primary'), save)
})

/** Names follow positions, as the API counts them. */
const prefixOf = (card) => card.querySelector('[name$=".recipient"]').name.replace(/\.recipient$/, '')

async function save() {
  complain($('form-problem'))
  if (!check(form)) return
  const prefixes = cards().map(prefixOf)
  try {
    const { etag } = await api('PUT', '/api/profile', { headers: { 'if-match': form.dataset.etag }, body: { name: form.elements.name.value.trim().normalize('NFC'), addresses: prefixes.map((p) => read(form, p)) } })
    form.dataset.etag = etag
    toast('Saved')
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.problem.status === 412) return complain($('form-problem'), h('p', null, h('strong', null, 'This was changed in another window. '), 'Nothing was saved. ', h('a', { href: '/account' }, 'Load the latest')))
    const errors = error.problem.errors?.map((e) => ({ ...e, field: e.field.replace(/addresses\[(\d+)\]/, (all, i) => prefixes[i] ?? all) }))
    if (!showErrors(form, errors).isShown) complain($('form-problem'), h('p', null, wordsOf(error)))
  }
}

watch(form)
update()
