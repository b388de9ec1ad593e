/** Builds DOM from the shared views. Text stays text: no string ever becomes markup (Trusted Types). */
import { wordsOf } from './api.js'

export function h(tag, props, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props ?? {})) if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : String(value))
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => (typeof c === 'object' ? c : String(c))))
  return node
}

export const $ = (id) => document.getElementById(id)

/** Shows a message that screen readers speak; gone after a while, unless it is pointed at. */
export function toast(text, { kind = 'good', link } = {}) {
  const node = h('div', { class: `toast ${kind}` }, h('span', null, text), link && h('a', { href: link.href }, link.text))
  document.querySelector('.toasts').replaceChildren(node)
  const leave = () => { if (node.matches(':hover, :focus-within')) setTimeout(leave, 2_000); else node.remove() }
  setTimeout(leave, kind === 'bad' ? 12_000 : 6_000)
}

/** Buttons that need a script wait for it. */
export const enable = (root = document) => root.querySelectorAll('[data-script]').forEach((b) => { b.disabled = false })

/** One press, one request: runs `work` with the button busy, and says so when it was refused. */
export function busy(button, work) {
  if (button.getAttribute('aria-busy') === 'true') return
  button.setAttribute('aria-busy', 'true')
  void work().catch((error) => toast(wordsOf(error), { kind: 'bad' })).finally(() => button.removeAttribute('aria-busy'))
}
