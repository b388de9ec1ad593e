/** No text that somebody else wrote becomes markup, on any page (T1; attack T1-d). */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAssets } from '../assets.ts'
import type { PageCall } from '../page.ts'
import { cartLines, summaryLines } from './assets/cart-view.js'
import { orderParts } from './assets/order-view.js'
import { h } from './draw.ts'
import { createStorefront } from './pages.ts'
import type { Cart, OrderView, Product } from './shapes.ts'

const assets = readAssets(new URL('assets/', import.meta.url))
const ID = '0193a000-0000-4000-8000-000000000001'

/** The shop's data with one text everywhere that a person or a service may choose it. */
function shopOf(text: string) {
  const product: Product = { id: ID, number: text, name: text, description: `${text}\n${text}`, category: text, seller: { id: text, name: text }, priceMinor: 100, currency: 'EUR', stock: 3 }
  const line = { productId: text, number: text, name: text, seller: text, quantity: 1, unitPriceMinor: 100, currency: 'EUR', lineTotalMinor: 100, available: false }
  const address = { recipient: text, line1: text, line2: text, postalCode: text, city: text, country: text }
  const step = { status: text, at: text }
  const cart: Cart = { lines: [line], totalMinor: 100, currency: 'EUR', count: 1 }
  const order = { id: text, number: text, status: 'rejected', reason: 'declined', delivery: text, lines: [line], totalMinor: 100, currency: 'EUR', name: text, address, payment: { method: text, status: text, declineReason: text }, placedAt: '2026-01-01T00:00:00Z', history: [step] }
  const view: OrderView = {
    order,
    shipment: { state: 'ok', value: { number: text, status: text, priority: text, tracking: [step], billOfLading: { number: text, packages: [{ number: text, weightGrams: 10, lines: [{ name: text, quantity: 1 }] }] } } },
    invoice: { state: 'ok', value: { number: text, issuedAt: '2026-01-01T00:00:00Z', name: text, address, lines: [line], totalMinor: 100, currency: 'EUR', payment: { method: text, status: text } } },
  }
  const answers: Record<string, unknown> = {
    listProducts: { items: [product], page: 2, pageSize: 24, total: 90 }, listSellerProducts: { items: [product], page: 2, pageSize: 24, total: 90 }, getProduct: product,
    listCategories: { items: [{ name: text, count: 1 }], sellers: [{ id: text, name: text, count: 1 }] }, getCart: cart, getProfile: { name: text, addresses: [address] },
    listOrders: { items: [order, { ...order, status: text }], page: 2, pageSize: 12, total: 40 }, getOrder: view,
  }
  return { answers, cart, view }
}

const callOf = (text: string, user: PageCall['user']): PageCall => ({
  path: '/', params: { productId: ID, orderId: ID }, query: { search: text, category: text, seller: text, page: '2' }, form: {}, user, brand: text, pspOrigin: 'https://127.0.0.1:1',
  csrfToken: async () => text, asset: assets.url, signInPath: `/login?return=${encodeURIComponent(text)}`,
  api: async (id) => ({ status: 200, etag: text, body: shopOf(text).answers[id] as any }),
})

/** Tags and names of attributes, in order; '?' for what is no well-formed tag. Values hold neither '"' nor '<' nor '>' when escaped. */
const skeleton = (markup: string) => (markup.match(/<[^>]*>?/g) ?? []).map((tag) => (/^<[/!]?[a-z0-9]+(?: [a-z-]+(?:="[^"<]*")?)*>$/i.test(tag) ? tag.replace(/="[^"]*"| selected/g, '') : '?'))

const storefront = createStorefront('Shop')
const hostile = fc.oneof(
  fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '</textarea><script>alert(1)</script>', '</title><svg onload=alert(1)>', 'javascript:alert(1)', '{{7*7}}${7*7}<%= 7 %>', '&lt;b&gt;', '\u2028</script>', '<!--', ']]>'),
  fc.string({ unit: fc.constantFrom(...'<>"\'&/=`! abc;:\n{}$-'), maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 20 }),
)

describe('a page', () => {
  test.each(Object.entries(storefront.pages))('%s keeps its structure whatever texts are in it', async (_route, page) => {
    const render = async (text: string, user: PageCall['user']) => { const answer = await page(callOf(text, user)); return 'html' in answer ? answer.html : '' }
    // 'x' takes the same branches as any text that is neither empty nor one of the known words.
    const plain = skeleton(await render('x', { name: 'x', role: 'seller', seller: 'x' }))
    expect(plain).not.toContain('?')
    await fc.assert(fc.asyncProperty(hostile.filter((t) => t.trim() !== '' && !t.includes('\n')), async (text) => {
      expect(skeleton(await render(text, { name: text, role: 'seller', seller: text }))).toEqual(plain)
    }), { numRuns: 60 })
  })

  test.each(Object.entries(storefront.pages))('%s has one heading, one main, a title, and neither inline script nor style', async (_route, page) => {
    const answer = await page(callOf('<x>', null))
    const { html } = answer as { html: string }
    expect(html.match(/<h1/g)).toHaveLength(1)
    expect(html.match(/<main/g)).toHaveLength(1)
    expect(html).toMatch(/<title>[^<]+<\/title>/)
    expect(html).not.toMatch(/<style|style="|<script(?! type="module" src="\/assets\/)| on[a-z]+="|javascript:(?!alert)/)
  })
})

test('the problem page escapes all it is told', () => {
  const shape = (text: string) => skeleton(storefront.problemPage({ code: text, status: 400, title: text, detail: text, errors: [{ field: text, message: text }], traceId: text }))
  fc.assert(fc.property(hostile.filter((t) => t !== ''), (text) => { expect(shape(text)).toEqual(shape('x')) }))
})

test('a view drawn as HTML holds each text once escaped, never twice', () => {
  const text = '<b title="a">\'&'
  const { cart, view } = shopOf(text)
  for (const drawn of [cartLines(h, cart), summaryLines(h, cart), ...Object.values(orderParts(h, view))]) {
    expect(drawn.html).not.toMatch(/<b /)
    expect(drawn.html).not.toContain('&amp;lt;')
  }
  expect(cartLines(h, cart).html).toContain('&lt;b title=&quot;a&quot;&gt;&#39;&amp;')
})

test('addresses in links begin with a path of the shop, whatever an id holds', () => {
  const { cart, view } = shopOf('javascript:alert(1)//')
  for (const drawn of [cartLines(h, cart), ...Object.values(orderParts(h, view))])
    for (const [, to] of drawn.html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(to).toMatch(/^\/(products|pictures|orders)\/javascript%3Aalert\(1\)%2F%2F/)
})

test('client modules have no way to make markup or code from text', () => {
  for (const name of readdirSync(new URL('assets/', import.meta.url)).filter((n) => n.endsWith('.js')))
    expect(readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8'), name).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser|createContextualFragment|setHTMLUnsafe|https?:\/\/(?!html\.spec\.whatwg\.org)/)
})
