/** What order sends is what its neighbours' API descriptions admit, and it may call each of them at all. */
import type { Caller } from '@shop/chassis/caller.ts'
import type { NeighbourAnswer, NeighbourRequest } from '@shop/chassis/neighbour.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { system } from '@shop/deploy/system.ts'
import { expect, test } from 'vitest'
import { askAccess } from './access.ts'
import { paymentSteps } from './billing.ts'
import { quoteFrom, stockSteps } from './catalog.ts'
import { MOST_MINOR } from './domain/cart.ts'
import { newSaga, type Command, type SagaEvent } from './domain/saga.ts'
import { shipmentSteps } from './shipping.ts'
import type { Order } from './store.ts'

const api = (path: string) => loadApi(readOpenApi(new URL(path, import.meta.url)))
const apis = { catalog: api('../catalog/openapi.yaml'), billing: api('../billing/openapi.yaml'), shipping: api('../shipping/openapi.yaml'), access: api('../../infra/access/openapi.yaml') }

/** Checks each request against the neighbour's API and answers what the test says. */
function neighbour(name: keyof typeof apis, answer: Partial<NeighbourAnswer>) {
  return {
    async request({ method, path, body }: NeighbourRequest) {
      const at = path.indexOf('?')
      const { operation, params } = apis[name].match(method, at < 0 ? path : path.slice(0, at))
      const plain = body === undefined ? undefined : JSON.parse(JSON.stringify(body))
      operation.checkRequest({ params, query: at < 0 ? '' : path.slice(at + 1), header: () => undefined, body: plain })
      if (name !== 'access') expect(system.services.find((s) => s.name === name)!.callers['order']).toContain(operation.id)
      return { status: 200, headers: {}, body: undefined, ...answer }
    },
  }
}

const id = '6f1f9d3e-0000-4000-8000-000000000001'
const caller: Caller = { subject: id, role: 'customer', actor: 'edge', txn: 't', token: 'x' }
const order: Order = {
  id, number: 'ORD-1', subject: id, name: 'Ada', address: { recipient: 'Ada', line1: 'Way 1', line2: 'Door 2', postalCode: '10115', city: 'Berlin', country: 'DE' },
  lines: [{ productId: id, number: 'HK-0001', name: 'Cup', quantity: 10, unitPriceMinor: 10_000_000, lineTotalMinor: MOST_MINOR }], totalMinor: MOST_MINOR, currency: 'EUR',
  method: 'bank-account', paymentToken: 'tok_12345678', placedAt: new Date(), traceparent: '', history: [], version: 1, saga: newSaga('express'), attempts: 0,
}
const stepsWith = (answer: Partial<NeighbourAnswer>) => ({ ...stockSteps(neighbour('catalog', answer)), ...paymentSteps(neighbour('billing', answer)), ...shipmentSteps(neighbour('shipping', answer)) })

test.each<[Command, Partial<NeighbourAnswer>, SagaEvent | 'no outcome']>([
  ['reserve', {}, { type: 'reserved' }], ['reserve', { status: 409 }, { type: 'out-of-stock' }], ['reserve', { status: 401 }, 'no outcome'],
  ['authorize', { body: { status: 'authorized' } }, { type: 'authorized' }], ['authorize', { body: { status: 'declined', declineReason: 'funds' } }, { type: 'declined', reason: 'funds' }],
  ['authorize', { body: { status: 'pending' } }, 'no outcome'], ['authorize', { status: 409 }, { type: 'declined', reason: 'not-accepted' }], ['authorize', { status: 503 }, 'no outcome'],
  ['createShipment', {}, { type: 'shipment-created' }], ['createShipment', { status: 409 }, { type: 'shipment-refused' }], ['createShipment', { status: 504 }, 'no outcome'],
  ['capture', { body: { status: 'captured' } }, { type: 'captured' }], ['capture', { body: { status: 'authorized' } }, 'no outcome'], ['capture', { status: 409 }, { type: 'capture-refused' }],
  ['commit', { status: 204 }, { type: 'committed' }], ['commit', { status: 409 }, { type: 'commit-refused' }], ['commit', { status: 404 }, 'no outcome'],
  ['cancelShipment', { status: 204 }, { type: 'shipment-cancelled' }], ['cancelShipment', { status: 409 }, { type: 'dispatched' }], ['cancelShipment', { status: 403 }, 'no outcome'],
  ['cancelPayment', { body: { status: 'refunded' } }, { type: 'payment-cancelled', status: 'refunded' }], ['cancelPayment', { status: 409 }, 'no outcome'],
  ['release', { status: 204 }, { type: 'released' }], ['release', { status: 500 }, 'no outcome'],
])('%s answered with %j: %j', async (command, answer, event) => {
  const outcome = stepsWith(answer)[command](order)
  if (event === 'no outcome') await expect(outcome).rejects.toMatchObject({ code: 'unavailable' })
  else expect(await outcome).toEqual(event)
})

test('quotes are asked for the caller, and only if there is something to ask', async () => {
  expect(await quoteFrom(neighbour('catalog', { body: { items: [] } }))(caller, [id, id], '')).toEqual([])
  expect(await quoteFrom(neighbour('catalog', { status: 500 }))(caller, [], '')).toEqual([])
  await expect(quoteFrom(neighbour('catalog', { status: 500 }))(caller, [id], '')).rejects.toMatchObject({ code: 'unavailable' })
})

test.each<[Partial<NeighbourAnswer>, boolean | 'unavailable']>([
  [{ body: { decision: true } }, true], [{ body: { decision: false } }, false], [{ body: { decision: 'true' } }, 'unavailable'], [{ body: undefined }, 'unavailable'], [{ status: 403, body: { decision: true } }, 'unavailable'],
])('S13.3 access answering %j means %s', async (answer, result) => {
  const decision = askAccess(neighbour('access', answer))(caller, { id, owner: id }, '')
  if (result === 'unavailable') await expect(decision).rejects.toMatchObject({ code: 'unavailable' })
  else expect(await decision).toBe(result)
})
