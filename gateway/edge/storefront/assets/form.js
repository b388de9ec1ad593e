/** Validation messages beside their fields, from the browser's rules and from a problem's errors alike. */
import { $ } from './dom.js'

const fieldOf = (form, name) => [...form.elements].find((e) => e.name === name)

function mark(input, message) {
  const error = $(`${input.id}-error`)
  if (!error) return
  const hint = $(`${input.id}-hint`) ? `${input.id}-hint` : ''
  error.textContent = message
  error.hidden = message === ''
  if (message) input.setAttribute('aria-invalid', 'true')
  else input.removeAttribute('aria-invalid')
  input.setAttribute('aria-describedby', [hint, message && error.id].filter(Boolean).join(' '))
  if (!input.getAttribute('aria-describedby')) input.removeAttribute('aria-describedby')
}

const wordsFor = (input) => input.dataset.invalid ?? 'Check this'
const isWrong = (input) => input.willValidate && !input.disabled && input.offsetParent !== null && (!input.validity.valid || (input.required && input.value.trim() === ''))

/** Marks what is wrong among the visible fields and goes to the first. True when nothing is. */
export function check(form) {
  const inputs = [...form.elements].filter((e) => e.name && e.type !== 'radio' && e.type !== 'checkbox')
  inputs.forEach((input) => { mark(input, isWrong(input) ? wordsFor(input) : '') })
  const first = inputs.find(isWrong)
  first?.focus()
  return !first
}

/** Ties a problem's errors to fields ('body.address.city' → address.city). What fits no field comes back as text. */
export function showErrors(form, errors = []) {
  const rest = []
  let first
  for (const { field, message } of errors) {
    const input = fieldOf(form, field.replace(/^body\.?/, ''))
    if (input && $(`${input.id}-error`)) {
      mark(input, input.dataset.invalid ?? message)
      first ??= input
    } else rest.push(message)
  }
  first?.focus()
  return { isShown: first !== undefined, rest }
}

export const watch = (form) => form.addEventListener('input', ({ target }) => { if (target.getAttribute('aria-invalid') && !isWrong(target)) mark(target, '') })

/** Says it in the form's own alert, and goes there. */
export function complain(node, ...content) {
  node.replaceChildren(...content)
  node.hidden = content.length === 0
  if (content.length) node.focus()
}

/** The fields below a prefix, trimmed; optional ones left out when empty. */
export function read(form, prefix) {
  const entries = [...form.elements].filter((e) => e.name.startsWith(`${prefix}.`)).map((e) => [e.name.slice(prefix.length + 1), e.value.trim().normalize('NFC')])
  return Object.fromEntries(entries.filter(([name, value]) => value !== '' || name !== 'line2'))
}
