/** The storefront: its pages by method and path. */
import type { ProblemView, Storefront } from '../page.ts'

const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const problemPage = ({ title, detail, errors = [], traceId }: ProblemView): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title></head>
<body><main><h1>${escaped(title)}</h1><p>${escaped(detail)}</p>${errors.length ? `<ul>${errors.map((e) => `<li>${escaped(`${e.field} ${e.message}`)}</li>`).join('')}</ul>` : ''}
<p><a href="/">To the shop</a></p>${traceId ? `<p><small>${escaped(traceId)}</small></p>` : ''}</main></body></html>`

export const storefront: Storefront = { pages: {}, problemPage }
