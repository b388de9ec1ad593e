/** Runs a page of the storefront: gives it the shop's operations, and nothing else of the edge. */
import { InputInvalid, OperationUnknown } from '@shop/chassis/problem.ts'
import type { Api } from '@shop/chassis/operation.ts'
import { requireAudience } from '../stages/authorize-coarsely.ts'
import { shapeResponse } from '../stages/shape-response.ts'
import type { Assets } from './assets.ts'
import { html, jsonOf, seeOther, type Answer, type EdgeCall } from './call.ts'
import type { Handlers } from './operations/shop.ts'
import type { OperationInput, Page, PageCall } from './page.ts'
import type { Sessions } from './sessions/sessions.ts'
import { requireLocalPath } from './sign-in.ts'

export type PageParts = { api: Api; publicApi: Record<string, any>; handlers: Handlers; sessions: Sessions; assets: Assets; brand: string; pspOrigin: string }

export async function renderPage(page: Page, call: EdgeCall, params: Record<string, string>, parts: PageParts): Promise<Answer> {
  const user = call.session?.data.user
  const { _csrf: _checked, ...form } = call.form ?? {}
  const here = call.method === 'GET' ? call.path + (call.query && `?${call.query}`) : '/'
  const answer = await page({
    path: call.path, params, query: onceEach(call.query), form,
    user: user ? { name: user.name, role: user.role, ...(user.seller && { seller: user.seller }) } : null,
    brand: parts.brand, pspOrigin: parts.pspOrigin,
    csrfToken: async () => parts.sessions.csrfToken(await parts.sessions.begin(call)),
    asset: parts.assets.url,
    api: (id, input) => operate(call, id, input ?? {}, parts),
    signInPath: `/login?return=${encodeURIComponent(here)}`,
  } satisfies PageCall)
  if ('html' in answer) return html(answer.status ?? 200, answer.html)
  requireLocalPath(answer.redirect, call.door.origin)
  return seeOther(answer.redirect)
}

/** An operation as the JSON API would do it: audience, declared input, handler, declared output. */
async function operate(call: EdgeCall, id: string, { params = {}, query = {}, headers = {}, body }: OperationInput, { api, publicApi, handlers }: PageParts): Promise<{ status: number; etag?: string; body: any }> {
  const operation = api.operations.get(id)
  const handler = handlers[id]
  if (!operation || !handler) throw OperationUnknown()
  requireAudience(operation.spec['x-audience'], call.session)
  const search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, String(value)]])))
  const header = (name: string) => headers[name]
  const input = operation.checkRequest({ params, query: search.toString(), header, body })
  const inner: EdgeCall = { ...call, target: { kind: 'operation', operation, params }, input, header }
  delete inner.answer
  const answered = await handler(inner)
  inner.answer = { status: answered.status, headers: answered.headers, json: jsonOf(answered) }
  await shapeResponse(publicApi).response!(inner)
  const { status, headers: given, json } = inner.answer!
  const etag = given['etag']
  return { status, ...(typeof etag === 'string' && { etag }), body: json }
}

function onceEach(query: string): Record<string, string> {
  const seen: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in seen) throw InputInvalid({ errors: [{ field: `query.${name.slice(0, 64)}`, message: 'stands more than once' }] })
    seen[name] = value
  }
  return seen
}
