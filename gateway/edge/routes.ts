/** The route table of every door: declared operations, pages of the storefront, its files. Nothing else exists (S4.1). */
import type { OpenApiDocument } from '@shop/chassis/mesh-policy.ts'
import { loadApi, type Api } from '@shop/chassis/operation.ts'
import { NotFound, OperationUnknown, Problem } from '@shop/chassis/problem.ts'
import type { Routes } from '../stages/match-operation.ts'
import type { Assets } from './assets.ts'
import type { DoorName } from './call.ts'

type Json = Record<string, any>
const METHODS = ['get', 'post', 'put', 'delete']

/** The part of the public API that a door offers. */
export function documentOf(document: OpenApiDocument, door: DoorName): OpenApiDocument {
  const paths = Object.entries(document.paths as Json).flatMap(([path, item]: [string, Json]) => {
    const offered = Object.entries(item).filter(([key, value]) => !METHODS.includes(key) || (value['x-doors'] as string[]).includes(door))
    return offered.some(([key]) => METHODS.includes(key)) ? [[path, Object.fromEntries(offered)] as const] : []
  })
  return { ...document, paths: Object.fromEntries(paths) }
}

/** `pages`: 'GET /products/{productId}'. A page and an operation at the same place stop the start. */
export function createRoutes(apis: Record<DoorName, Api>, document: OpenApiDocument, pages: string[], assets: Assets): Routes {
  const paths: Json = {}
  for (const route of pages) {
    const [, method, path] = /^(GET|POST) (\/\S*)$/.exec(route) ?? []
    if (!method || !path) throw new Error(`'${route}' is no page route: GET or POST, a space, a path`)
    if ((document.paths as Json)[path]?.[method.toLowerCase()]) throw new Error(`'${route}' is an operation already`)
    paths[path] = { ...paths[path], [method.toLowerCase()]: { operationId: route } }
  }
  const pageApi = loadApi({ openapi: '3.1.0', paths })
  return {
    find(door, method, path) {
      if (door === 'web' && method === 'GET' && assets.has(path)) return { kind: 'asset', path }
      // Browsers and crawlers ask for these by themselves: no sign of an attack.
      if (path === '/favicon.ico' || path === '/robots.txt') throw NotFound()
      let otherMethods: Problem | undefined
      const matched = (api: Api) => {
        try {
          return api.match(method, path)
        } catch (error) {
          if (!(error instanceof Problem)) throw error
          if (error.code !== OperationUnknown.code) otherMethods = error
          return undefined
        }
      }
      const operation = matched(apis[door])
      if (operation) return { kind: 'operation', ...operation }
      const page = door === 'web' ? matched(pageApi) : undefined
      if (page) return { kind: 'page', route: page.operation.id, params: page.params }
      if (otherMethods) throw otherMethods
      return undefined
    },
  }
}
