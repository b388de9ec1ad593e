/** What every page has: head, header with search and cart, categories, footer. */
import { html, type Html } from '@shop/chassis/html.ts'
import type { PageCall } from '../page.ts'
import type { Cart, Categories } from './shapes.ts'

export type View = {
  title: string
  body: Html
  /** Client modules of assets/ that this page needs besides shop.js. */
  scripts?: string[]
  /** Shown in the search field. */
  search?: string
  /** The category that is open. */
  category?: string
  status?: number
  /** Of the main element: 'narrow' for reading and forms. */
  width?: 'narrow'
}

export const icon = (call: Pick<PageCall, 'asset'>, name: string): Html => html`<svg class="icon" aria-hidden="true" focusable="false"><use href="${call.asset('icons.svg')}#${name}"></use></svg>`

export const searchPath = (query: { search?: string; category?: string; seller?: string; page?: number }): string => {
  const text = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, String(value)]]))).toString()
  return text ? `/search?${text}` : '/search'
}
export const productPath = (id: string): string => `/products/${encodeURIComponent(id)}`
export const picturePath = (id: string): string => `/pictures/${encodeURIComponent(id)}`

/** A header without cart or categories is better than no page. */
const orNothing = async <T>(asked: Promise<{ body: T }>): Promise<T | undefined> => asked.then((a) => a.body, () => undefined)

export async function page(call: PageCall, view: View): Promise<{ html: string; status: number }> {
  const [cart, categories] = await Promise.all([orNothing(call.api<Cart>('getCart')), orNothing(call.api<Categories>('listCategories'))])
  const body = html`<a class="skip" href="#main">Skip to content</a>
${await header(call, view, cart?.count ?? 0)}
${categories?.items.length ? html`<nav class="categories" aria-label="Categories"><ul>
<li><a href="/search"${view.category === '' && html` aria-current="page"`}>Everything</a></li>${categories.items.map((c) => html`
<li><a href="${searchPath({ category: c.name })}"${c.name === view.category && html` aria-current="page"`}>${c.name}</a></li>`)}
</ul></nav>` : null}
<main id="main" tabindex="-1"${view.width ? html` class="${view.width}"` : null}>
${view.body}
</main>
<div class="toasts" role="status" aria-live="polite"></div>
<footer class="foot"><div>
<p><strong>${call.brand}</strong> is a demonstration: nothing here is really sold, and only test cards are charged.</p>
<ul><li><a href="/search">All products</a></li><li><a href="/orders">Your orders</a></li><li><a href="/openapi.json">API description</a></li></ul>
</div></footer>`
  return { html: document({ title: `${view.title} · ${call.brand}`, body, asset: call.asset, scripts: ['shop.js', ...(view.scripts ?? [])] }), status: view.status ?? 200 }
}

/** `scripts` load after the document, and none of them is needed to read it. */
export const document = ({ title, body, asset, scripts = [] }: { title: string; body: Html; asset(name: string): string; scripts?: string[] }): string => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${asset('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${asset('shop.css')}">
${scripts.map((name) => html`<script type="module" src="${asset(name)}"></script>
`)}</head>
<body>
${body}
</body>
</html>
`.html

async function header(call: PageCall, view: View, count: number): Promise<Html> {
  const { user } = call
  return html`<header class="top"><div>
<a class="brand" href="/"><img src="${call.asset('icon.svg')}" alt="" width="32" height="32"><span>${call.brand}</span></a>
<form class="find" role="search" action="/search"><label class="sr-only" for="find">Search the shop</label>
<input id="find" name="search" type="search" value="${view.search ?? ''}" placeholder="Search products" maxlength="80" minlength="1" required autocomplete="off"><button aria-label="Search">${icon(call, 'search')}</button></form>
<ul class="actions">
<li>${user ? html`<details class="menu"><summary>${icon(call, 'person')}<span class="label">${user.name}</span></summary><ul>
<li><a href="/orders">Your orders</a></li>
<li><a href="/account">Name and addresses</a></li>${user.role === 'seller' && html`
<li><a href="/seller">Your products</a></li>`}
<li><form method="post" action="/logout"><input type="hidden" name="_csrf" value="${await call.csrfToken()}"><button class="quiet">Sign out</button></form></li>
</ul></details>` : html`<a class="action" href="${call.signInPath}">${icon(call, 'person')}<span class="label">Sign in</span></a>`}</li>
<li><a class="action" href="/cart">${icon(call, 'cart')}<span class="label">Cart</span><span class="count" data-cart-count${count === 0 && html` hidden`}>${count}</span><span class="sr-only" data-cart-words>${count === 1 ? '1 item' : `${count} items`}</span></a></li>
</ul>
</div></header>`
}
