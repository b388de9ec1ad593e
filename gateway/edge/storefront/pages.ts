/** The storefront: its pages by method and path. */
import type { ProblemView, Storefront } from '../page.ts'

const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const problemPage = ({ title, detail, errors = [], traceId }: ProblemView): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title></head>
<body><main><h1>${escape(title)}</h1><p>${escape(detail)}</p>${errors.length ? `<ul>${errors.map((e) => `<li>${escape(`${e.field} ${e.message}`)}</li>`).join('')}</ul>` : ''}
<p><a href="/">To the shop</a></p>${traceId ? `<p><small>${escape(traceId)}</small></p>` : ''}</main></body></html>`

export const storefront: Storefront = { pages: {}, problemPage }
