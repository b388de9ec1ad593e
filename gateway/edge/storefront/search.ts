import { html, type Html } from '@shop/chassis/html.ts'
import type { Page } from '../page.ts'
import { icon, page, searchPath } from './layout.ts'
import { productGrid } from './product-card.ts'
import type { Categories, ProductPage } from './shapes.ts'

const PAGE_SIZE = 24
type Query = { search?: string; category?: string; seller?: string }

/** Search results, filtered by category and maker, by the page. Works by links alone. */
export const search: Page = async (call) => {
  const { search, category, seller, page: asked } = call.query
  const query: Query = { search: search?.trim(), category, seller }
  const [{ body: found }, { body: all }] = await Promise.all([
    call.api<ProductPage>('listProducts', { query: { ...query, page: asked, pageSize: PAGE_SIZE } }), call.api<Categories>('listCategories'),
  ])
  const maker = all.sellers.find((s) => s.id === seller)?.name ?? seller
  const title = query.search ? `Results for “${query.search}”` : category || maker || 'Everything'
  const pages = Math.max(1, Math.ceil(found.total / PAGE_SIZE))
  const filter = (label: string, name: 'category' | 'seller', options: { value: string; text: string; count: number }[]): Html => html`<nav class="filter" aria-label="${label}"><h2>${label}</h2><ul>
<li><a href="${searchPath({ ...query, [name]: undefined })}"${!query[name] && html` aria-current="true"`}>All</a></li>${options.map((o) => html`
<li><a href="${searchPath({ ...query, [name]: o.value })}"${query[name] === o.value && html` aria-current="true"`}>${o.text} <span class="soft">${o.count}</span></a></li>`)}</ul></nav>`
  const step = (to: number, text: string, rel: string): Html => html`<a class="button secondary" rel="${rel}" href="${searchPath({ ...query, page: to })}">${text}</a>`
  const applied = [[query.search && `“${query.search}”`, { ...query, search: undefined }], [category, { ...query, category: undefined }], [maker, { ...query, seller: undefined }]] as const
  return page(call, {
    title, search: query.search, category: category ?? (search || seller ? undefined : ''),
    body: html`<div class="browse"><aside aria-label="Filters">
${filter('Category', 'category', all.items.map((c) => ({ value: c.name, text: c.name, count: c.count })))}
${filter('Maker', 'seller', all.sellers.map((s) => ({ value: s.id, text: s.name, count: s.count })))}
</aside><section aria-labelledby="results">
<div class="section-head"><h1 id="results">${title}</h1><p class="soft">${found.total === 1 ? '1 product' : `${found.total} products`}</p></div>
${applied.some(([text]) => text) && html`<ul class="chips" aria-label="Applied filters">${applied.map(([text, without]) => text ? html`<li><a href="${searchPath(without)}" aria-label="Remove filter ${text}">${text} ${icon(call, 'close')}</a></li>` : null)}</ul>`}
${found.items.length > 0 ? productGrid(found.items) : html`<div class="blank">${icon(call, 'search')}<h2>Nothing matches</h2><p>Try fewer or other words, or leave out a filter.</p><p class="row"><a class="button primary" href="/search">Show everything</a></p></div>`}
${pages > 1 && html`<nav class="pages" aria-label="Pages">${found.page > 1 && step(found.page - 1, 'Previous', 'prev')}<span>Page ${found.page} of ${pages}</span>${found.page < pages && step(found.page + 1, 'Next', 'next')}</nav>`}
</section></div>`,
  })
}
