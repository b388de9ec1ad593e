/** What a person sees instead of a page: what happened, what to do, and a way on. Needs nothing else to work. */
import { html } from '@shop/chassis/html.ts'
import type { ProblemView } from '../page.ts'
import { document } from './layout.ts'

type Way = { href: string; text: string }
const HOME: Way = { href: '/', text: 'Go to the shop' }
const SIGN_IN: Way = { href: '/login?return=%2F', text: 'Sign in' }

/** By status: a headline in plain words, and what a person may do next. */
const HEADLINES: Record<number, string> = {
  401: 'Please sign in again', 403: 'That is not open to you', 404: 'We cannot find that page', 409: 'That does not fit any more', 412: 'Somebody changed it meanwhile',
  429: 'A little too fast', 500: 'Something broke on our side', 502: 'Part of the shop is not answering', 503: 'Part of the shop is taking a break', 504: 'That took too long',
}
const waysOf = (status: number): Way[] => (status === 401 ? [SIGN_IN, HOME] : status === 404 ? [{ href: '/search', text: 'Browse all products' }, HOME] : [HOME])

export const createProblemPage = (brand: string) => ({ code, status, title, detail, errors = [], traceId }: ProblemView): string => {
  const headline = HEADLINES[status] ?? title
  return document({
    title: `${headline} · ${brand}`,
    asset: (name) => `/assets/${name}`,
    body: html`<header class="top"><div><a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="32" height="32"><span>${brand}</span></a></div></header>
<main id="main" class="narrow"><section class="blank">
<p class="code">${status}</p>
<h1>${headline}</h1>
<p>${headline !== title && html`${title}. `}${detail}</p>
${errors.length > 0 && html`<ul class="errors">${errors.map((e) => html`<li><code>${e.field}</code> ${e.message}</li>`)}</ul>`}
${status >= 500 && html`<p class="soft">Nothing you entered was charged or ordered twice. Wait a moment and reload this page.</p>`}
<p class="row">${waysOf(status).map((way, i) => html`<a class="button ${i ? 'secondary' : 'primary'}" href="${way.href}">${way.text}</a>`)}</p>
<p class="soft small">Code <a href="/problems/${encodeURIComponent(code)}">${code}</a>${traceId ? html` · for support: <code>${traceId}</code>` : null}</p>
</section></main>`,
  })
}
