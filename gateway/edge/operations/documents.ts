/** What the shop says about its own API. */
import { NotFound, type ProblemFactory } from '@shop/chassis/problem.ts'
import * as general from '@shop/chassis/problem.ts'
import { html, type DoorName } from '../call.ts'
import * as own from '../problems.ts'
import { servicesProblems } from '../service-problems.ts'
import type { Storefront } from '../page.ts'
import type { Handlers } from './shop.ts'

const isKind = (value: unknown): value is ProblemFactory => typeof value === 'function' && 'code' in value && 'advice' in value

/** Every problem that a client may meet, by code. */
export const publicProblems = new Map<string, ProblemFactory>([...[...Object.values(general), ...Object.values(own)].filter(isKind).map((kind): [string, ProblemFactory] => [kind.code, kind]), ...servicesProblems])

/** Each door describes itself: its own part of the API. */
export const documentOperations = (documents: Record<DoorName, object>, storefront: Storefront): Handlers => {
  const texts = { web: JSON.stringify(documents.web), mobile: JSON.stringify(documents.mobile), partner: JSON.stringify(documents.partner) }
  return {
    getOpenApi: async (call) => ({ status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' }, body: texts[call.door.name] }),
    explainProblem: async (call) => {
      const kind = publicProblems.get(call.input!.params['code'])
      if (!kind) throw NotFound()
      return html(200, storefront.problemPage({ code: kind.code, status: kind.status, title: kind.title, detail: kind.advice }))
    },
  }
}
