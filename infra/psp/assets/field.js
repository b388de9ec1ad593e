// Takes a token for what the customer typed and hands it to the page around, and to no other.
const form = document.getElementById('form')
const done = document.getElementById('done')
const chosen = document.getElementById('chosen')
const alertBox = document.getElementById('alert')
const button = form.querySelector('button')
const kind = form.dataset.kind
const parents = JSON.parse(form.dataset.parents)

const group = (text) => text.toUpperCase().replace(/[^0-9A-Z]/g, '').replace(/.{4}(?=.)/g, '$& ')
const SHAPES = {
  number: (text) => group(text.replace(/\D/g, '')),
  iban: group,
  expiry: (text) => text.replace(/\D/g, '').slice(0, 4).replace(/^(\d{2})(\d)/, '$1/$2'),
  cvc: (text) => text.replace(/\D/g, ''),
}
for (const field of form.querySelectorAll('input')) {
  const shape = SHAPES[field.name]
  field.addEventListener('input', () => {
    show(field.name, '')
    // Only at the end: a cursor in the middle would jump.
    if (shape && field.selectionStart === field.value.length) field.value = shape(field.value)
  })
}

function show(field, message) {
  form.querySelector(`#${field}-error`).textContent = message
  form.querySelector(`#${field}`).toggleAttribute('aria-invalid', message !== '')
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const fields = [...form.querySelectorAll('input')]
  alertBox.textContent = ''
  for (const field of fields) show(field.name, field.value.trim() === '' ? 'Please fill this in' : '')
  const empty = fields.find((field) => field.value.trim() === '')
  if (empty) return empty.focus()
  button.disabled = true
  try {
    const body = JSON.stringify({ kind, ...Object.fromEntries(fields.map((field) => [field.name, field.value.trim()])) })
    const response = await fetch('/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const answer = await response.json()
    if (response.ok) return finish(answer)
    const known = (answer.errors ?? []).map((e) => ({ ...e, field: e.field.replace('body.', '') })).filter((e) => fields.some((field) => field.name === e.field))
    for (const { field, message } of known) show(field, `This ${message}`)
    if (known.length) form.querySelector(`#${known[0].field}`).focus()
    else alertBox.textContent = answer.title ?? 'This did not work. Please try again.'
  } catch {
    alertBox.textContent = 'No connection to the payment provider. Please try again.'
  } finally {
    button.disabled = false
  }
})

function finish({ token, hint }) {
  form.reset()
  form.hidden = true
  done.hidden = false
  chosen.textContent = `${kind === 'card' ? 'Card' : 'Account'} ${hint} is ready to pay.`
  // The browser delivers only to a parent of exactly that origin.
  for (const origin of parents) window.parent.postMessage({ type: 'payment-token', token, hint }, origin)
}

document.getElementById('change').addEventListener('click', () => {
  done.hidden = true
  form.hidden = false
  form.querySelector('input').focus()
})
