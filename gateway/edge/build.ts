/** The edge without its doors: what happens to a request, from parts that are there. */
import type { Names } from '@shop/chassis/launch.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import type { Store } from '@shop/chassis/store.ts'
import { silent, type Telemetry } from '@shop/chassis/telemetry.ts'
import { compose, type Control } from '../pipeline.ts'
import type { CallUpstream } from '../upstream/call.ts'
import { createAsk, type Ask, type PassOn } from './ask.ts'
import { readAssets } from './assets.ts'
import type { DoorName, EdgeCall } from './call.ts'
import type { Config } from './config.ts'
import type { IdentityClient } from './identity-client.ts'
import { accountOperations } from './operations/account.ts'
import { cartOperations } from './operations/cart.ts'
import { catalogOperations } from './operations/catalog.ts'
import { documentOperations } from './operations/documents.ts'
import { orderOperations } from './operations/orders.ts'
import { paymentEventOperations } from './operations/payment-events.ts'
import { sellerOperations } from './operations/seller.ts'
import type { Handlers, Shop } from './operations/shop.ts'
import type { Storefront } from './page.ts'
import { edgePipeline } from './pipeline.ts'
import { renderPage } from './render-page.ts'
import { createRim } from './rim.ts'
import { createRoutes, documentOf } from './routes.ts'
import { sessionCookieName, sessionKeys } from './sessions/handle.ts'
import { createSessions, type Sessions, type Unseal } from './sessions/sessions.ts'
import { createSignIn } from './sign-in.ts'

export type EdgeControls = Control<EdgeCall, DoorName>[]
export type BuildParts = {
  config: Pick<Config, 'doors' | 'identityIssuer' | 'pspOrigin' | 'anonymousLimit' | 'sessions' | 'webhookAllowed' | 'traceRatio'>
  names: Names
  /** 32 bytes, base64url. */
  sessionKey: string
  /** Our SPIFFE id. */
  spiffeId: string
  store: Store
  /** For what waits while it holds a row. */
  locks: Store
  identity: IdentityClient
  callUpstream: CallUpstream
  storefront: Storefront
  log: Logger
  report: Report
  telemetry?: Telemetry
  stopping: AbortSignal
  /** Another composition's; production passes none. */
  unseal?: Unseal | undefined
  passOn?: PassOn | undefined
  /** Another composition of the same controls; production's is the identity. */
  pipeline: (controls: EdgeControls) => EdgeControls
}

export function buildEdge(parts: BuildParts): { handle: ReturnType<typeof createRim>; sessions: Sessions } {
  const { config, names, storefront, log, stopping } = parts
  const document = readOpenApi(new URL('openapi.yaml', import.meta.url))
  const documents = { web: documentOf(document, 'web'), mobile: documentOf(document, 'mobile'), partner: documentOf(document, 'partner') }
  const apis = { web: loadApi(documents.web), mobile: loadApi(documents.mobile), partner: loadApi(documents.partner) }
  const assets = readAssets(new URL('storefront/assets/', import.meta.url))
  const sessions = createSessions({ store: parts.store, locks: parts.locks, keys: sessionKeys(parts.sessionKey), cookieName: sessionCookieName(names), limits: config.sessions, now: Date.now, log, ...(parts.unseal && { unseal: parts.unseal }) })
  const signIn = createSignIn({ client: parts.identity, sessions, origin: config.doors.web.origin, audience: parts.spiffeId, ask: () => ask, log, now: Date.now })
  const ask: Ask = createAsk(parts.callUpstream, signIn.freshToken, parts.passOn)
  const shop: Shop = { ask, log, sessions, signIn, stopping, webhookAllowed: config.webhookAllowed, publicApi: document }
  const handlers: Handlers = {
    ...accountOperations(shop), ...cartOperations(shop), ...catalogOperations(shop), ...documentOperations(documents, storefront),
    ...orderOperations(shop), ...paymentEventOperations(shop), ...sellerOperations(shop),
  }
  const missing = [...apis.web.operations.keys()].filter((id) => !handlers[id])
  const extra = Object.keys(handlers).filter((id) => !apis.web.operations.has(id))
  if (missing.length || extra.length) throw new Error(`openapi.yaml and operations differ: without handler ${missing.join(', ') || '-'}, without operation ${extra.join(', ') || '-'}`)

  const controls = edgePipeline({
    identityOrigin: new URL(config.identityIssuer).origin, pspOrigin: config.pspOrigin,
    limit: { ...config.anonymousLimit, now: () => performance.now() },
    clients: config.doors.partner.clients,
    routes: createRoutes(apis, document, Object.keys(storefront.pages), assets),
    sessions, publicApi: document, report: parts.report,
    traceRatio: config.traceRatio, random: Math.random,
  })
  const pageParts = { api: apis.web, publicApi: document, handlers, sessions, assets, brand: names.brand, pspOrigin: config.pspOrigin }
  const answer = async (call: EdgeCall): Promise<void> => {
    const target = call.target!
    if (target.kind === 'asset') call.answer = assets.answer(call, target.path)
    else if (target.kind === 'page') call.answer = await renderPage(storefront.pages[target.route]!, call, target.params, pageParts)
    else {
      call.deadline = Math.max(call.deadline, performance.now() + target.operation.timeoutMs)
      call.answer = await handlers[target.operation.id]!(call)
    }
  }
  const chosen = parts.pipeline(controls)
  const of = (door: DoorName) => compose(chosen.filter((c) => c.doors.length === 0 || c.doors.includes(door)), answer)
  const byDoor = { web: of('web'), mobile: of('mobile'), partner: of('partner') }
  const handle = createRim({ run: (call) => byDoor[call.door.name](call), storefront, log, report: parts.report, telemetry: parts.telemetry ?? silent, stopping })
  return { handle, sessions }
}
