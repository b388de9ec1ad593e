import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply, canGiveUp, commandOf, isWaiting, newSaga, statusOf, type Command, type Saga, type SagaEvent, type State, type Transition } from './saga.ts'

const saga = (state: State, change: Partial<Saga> = {}): Saga => ({ ...newSaga('express'), state, ...change })
const type = (name: string) => ({ type: name, status: 'refunded' }) as SagaEvent

describe('the table', () => {
  test.each<[State, string, State | string, Partial<Saga>?]>([
    ['placed', 'reserved', 'reserved'], ['placed', 'out-of-stock', 'rejected'], ['placed', 'gave-up', 'releasing-stock'], ['placed', 'authorized', 'unexpected'], ['placed', 'shipment-created', 'unexpected'],
    ['reserved', 'authorized', 'authorized'], ['reserved', 'declined', 'releasing-stock'], ['reserved', 'gave-up', 'cancelling-payment'],
    ['authorized', 'shipment-created', 'prepared'], ['authorized', 'dispatched', 'prepared'], ['authorized', 'shipment-refused', 'cancelling-shipment'], ['authorized', 'captured', 'unexpected'],
    ['authorized', 'cancel', 'authorized'], ['authorized', 'cancel', 'cancelling-shipment', { delivery: 'standard' }],
    ['prepared', 'captured', 'captured'], ['prepared', 'capture-refused', 'cancelling-shipment'], ['prepared', 'capture-refused', 'cancelling-payment', { isDispatched: true }],
    ['prepared', 'gave-up', 'dispatched', { isDispatched: true }],
    ['captured', 'committed', 'completed'], ['captured', 'gave-up', 'unexpected'], ['captured', 'commit-refused', 'cancelling-shipment'], ['captured', 'commit-refused', 'completed', { isDispatched: true }],
    ['completed', 'cancel', 'cancelling-shipment'], ['completed', 'cancel', 'dispatched', { isDispatched: true }], ['completed', 'shipment-created', 'completed'],
    ['cancelling-shipment', 'shipment-cancelled', 'cancelling-payment'], ['cancelling-shipment', 'dispatched', 'completed', { resume: 'completed', outcome: 'cancelled' }],
    ['cancelling-payment', 'payment-cancelled', 'releasing-stock'], ['releasing-stock', 'released', 'cancelled', { outcome: 'cancelled' }], ['releasing-stock', 'released', 'rejected', { outcome: 'rejected' }],
    ['cancelled', 'cancel', 'closed'], ['rejected', 'cancel', 'closed'], ['cancelling-payment', 'cancel', 'closed'], ['placed', 'cancel', 'closed', { isCancelRequested: true }],
  ])('%s, %s: %s %j', (state, event, result, change) => {
    const answer = apply(saga(state, change), type(event))
    expect('refused' in answer ? answer.refused : answer.next.state).toBe(result)
  })

  test.each<[State, string, State]>([
    ['placed', 'reserved', 'releasing-stock'], ['reserved', 'authorized', 'cancelling-payment'], ['authorized', 'shipment-created', 'cancelling-shipment'],
    ['prepared', 'captured', 'cancelling-shipment'], ['captured', 'committed', 'cancelling-shipment'],
  ])('a wish to cancel in %s is obeyed after %s: %s, and nobody hears of a paid order', (state, event, first) => {
    const { next, publish } = apply(saga(state, { isCancelRequested: true }), type(event)) as Transition
    expect(next).toMatchObject({ state: first, outcome: 'cancelled', reason: 'customer' })
    expect(publish).toEqual([])
    expect(statusOf(next)).toBe('cancelling')
  })

  test('a settlement that is heard of before the capture it settles is kept', () => {
    const { next } = apply(saga('prepared', { payment: 'authorized' }), { type: 'payment-settled' }) as Transition
    expect(next).toMatchObject({ state: 'prepared', payment: 'settled' })
    expect(apply(next, { type: 'captured' })).toMatchObject({ next: { state: 'captured', payment: 'settled' } })
  })

  test('events are announced once, at the transition', () => {
    expect(apply(saga('reserved'), { type: 'authorized' })).toMatchObject({ publish: ['order.paid'] })
    expect(apply(saga('captured'), { type: 'committed' })).toMatchObject({ publish: ['order.completed'] })
    expect(apply(saga('releasing-stock', { outcome: 'cancelled' }), { type: 'released' })).toMatchObject({ publish: ['order.cancelled'] })
    expect(apply(saga('cancelling-shipment', { resume: 'completed' }), { type: 'dispatched' })).toMatchObject({ publish: [] })
  })
})

/** The neighbours as they are meant to be: idempotent, with tombstones. */
function neighbours(payable: boolean, onShelf: boolean) {
  const world = { stock: 10, held: 'none' as 'none' | 'held' | 'sold' | 'released', authorized: 0, charged: 0, isPaymentClosed: false, shipment: 'none' as 'none' | 'created' | 'left' | 'cancelled' }
  const perform: Record<Command, () => SagaEvent> = {
    reserve: () => {
      if (world.held === 'released' || !onShelf) return { type: 'out-of-stock' }
      if (world.held === 'none') [world.held, world.stock] = ['held', 9]
      return { type: 'reserved' }
    },
    authorize: () => {
      if (world.isPaymentClosed || !payable) return { type: 'declined' }
      if (world.charged === 0) world.authorized = 100
      return { type: 'authorized' }
    },
    createShipment: () => {
      if (world.shipment === 'cancelled') return { type: 'shipment-refused' }
      if (world.shipment === 'none') world.shipment = 'created'
      return { type: 'shipment-created' }
    },
    capture: () => {
      if (world.isPaymentClosed) return { type: 'capture-refused' }
      ;[world.charged, world.authorized] = [100, 0]
      return { type: 'captured' }
    },
    commit: () => {
      if (world.held !== 'held' && world.held !== 'sold') return { type: 'commit-refused' }
      world.held = 'sold'
      return { type: 'committed' }
    },
    cancelShipment: () => {
      if (world.shipment === 'left') return { type: 'dispatched' }
      world.shipment = 'cancelled'
      return { type: 'shipment-cancelled' }
    },
    cancelPayment: () => {
      const status = world.charged ? 'refunded' : 'cancelled'
      ;[world.authorized, world.charged, world.isPaymentClosed] = [0, 0, true]
      return { type: 'payment-cancelled', status }
    },
    release: () => {
      if (world.held === 'held' || world.held === 'sold') world.stock = 10
      world.held = 'released'
      return { type: 'released' }
    },
  }
  return { world, perform }
}

const chance = fc.constantFrom('done', 'done', 'done', 'answer lost', 'not reached', 'gave up', 'cancel', 'carrier', 'event', 'repeated', 'late answer')

test('every order ends, whole or undone: money, stock and parcel agree, whatever is lost, repeated, late or cancelled', () => {
  fc.assert(fc.property(fc.constantFrom('standard' as const, 'express' as const), fc.boolean(), fc.boolean(), fc.array(chance, { maxLength: 60 }), (delivery, payable, onShelf, chances) => {
    const { world, perform } = neighbours(payable, onShelf)
    let at = newSaga(delivery)
    let lost: { from: State; event: SagaEvent } | null = null
    const feed = (event: SagaEvent) => {
      const answer = apply(at, event)
      if ('refused' in answer) return expect(answer.refused === 'unexpected' ? event.type : 'known').toBe('known')
      at = answer.next
    }
    for (const what of [...chances, ...Array<'done'>(40).fill('done')]) {
      const command = commandOf(at)
      if (what === 'cancel') feed({ type: 'cancel' })
      else if (what === 'gave up') { if (canGiveUp(at) && command) feed({ type: 'gave-up' }) }
      else if (what === 'carrier') {
        if (world.shipment !== 'created') continue
        world.shipment = 'left'
        feed({ type: 'dispatched' })
      } else if (what === 'event') {
        // shipping heard of the payment; its event may come at any later time, again and again
        if (world.shipment === 'none' && isWaiting(at)) world.shipment = 'created'
        if (world.shipment === 'created' || world.shipment === 'left') feed({ type: 'shipment-created' })
      } else if (what === 'late answer') {
        if (lost && lost.from === at.state) feed(lost.event)
      } else if (!command) {
        if (isWaiting(at)) feed({ type: 'overdue' })
      } else if (what !== 'not reached') {
        const from = at.state
        const event = perform[command]()
        if (what === 'repeated') perform[command]()
        if (what === 'answer lost') lost = { from, event }
        else feed(event)
      }
    }
    expect(['completed', 'cancelled', 'rejected']).toContain(at.state)
    const isWhole = at.state === 'completed'
    expect([world.charged, world.authorized, world.stock]).toEqual(isWhole ? [100, 0, 9] : [0, 0, 10])
    expect(['created', 'left'].includes(world.shipment)).toBe(isWhole)
    expect(at.payment).toBe(isWhole ? 'captured' : at.reason === 'declined' ? 'declined' : at.payment === 'refunded' ? 'refunded' : 'cancelled')
  }), { numRuns: 3_000 })
})
