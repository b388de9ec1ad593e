/** The edge's side of the views that browsers draw, too: elements as escaped HTML. */
import { escapeHtml, trusted, type Html } from '@shop/chassis/html.ts'
import type { Child, H } from './shapes.ts'

const VOID = new Set(['img', 'input', 'br', 'hr'])

const text = (child: Child<Html>): string =>
  child === null || child === undefined || child === false ? '' : Array.isArray(child) ? child.map(text).join('') : typeof child === 'object' ? child.html : escapeHtml(String(child))

/** Tags and attribute names are the templates' own; values and children may be anybody's. */
export const h: H<Html> = (tag, props, ...children) => {
  const attributes = Object.entries(props ?? {}).map(([name, value]) => (value === null || value === undefined || value === false ? '' : value === true ? ` ${name}` : ` ${name}="${escapeHtml(String(value))}"`))
  return trusted(`<${tag}${attributes.join('')}>${VOID.has(tag) ? '' : `${text(children)}</${tag}>`}`)
}
