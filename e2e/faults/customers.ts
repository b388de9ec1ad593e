/** Customers who go on buying whatever happens: who got no answer asks again with the same Idempotency-Key, as an honest client does. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { address, paymentToken, Visitor, type Answer } from '../shop.ts'
import type { Chance } from './chance.ts'

export type Way = 'card' | 'express' | 'bank-account' | 'slow' | 'twice' | 'declined'
export type Accepted = { id: string; username: string; way: Way; isCancelled: boolean }

/** What a customer meets besides good answers: how often each. */
export type Met = Map<string, number>

const WAYS: Record<Way, number> = { card: 35, express: 25, 'bank-account': 12, slow: 6, twice: 8, declined: 14 }
const CARDS: Partial<Record<Way, string>> = { slow: '4000000000001232', twice: '4000000000002222', declined: '4000000000000002' }
/** How long one request is repeated before the customer gives up, which fails the test. */
const PATIENCE_MS = 75_000
/** Nobody answered, or only somebody in between: what became of the request is not known. */
const isNoAnswer = (status: number) => status === 502 || status === 503 || status === 504

export type Customer = {
  accepted: Accepted[]
  /** Buys until told to stop; then ends what it began. */
  goOn(isOver: () => boolean): Promise<void>
  close(): Promise<void>
}

export function customer(username: string, productIds: string[], chance: Chance, met: Met): Customer {
  const visitor = new Visitor()
  const accepted: Accepted[] = []
  let isSignedIn = false
  const note = (what: string) => met.set(what, (met.get(what) ?? 0) + 1)

  /** Repeats until there is an answer; signs in (again) when the session ended. */
  async function ask(what: string, request: () => Promise<Answer>): Promise<Answer> {
    const until = Date.now() + PATIENCE_MS
    let last = ''
    for (let failures = 0; Date.now() < until; await pause(Math.min(1_500, 100 * 2 ** failures++))) {
      try {
        if (!isSignedIn) {
          await visitor.signIn(username)
          isSignedIn = true
        }
        const answer = await request()
        if (answer.status === 401) isSignedIn = false
        else if (!isNoAnswer(answer.status)) return answer
        last = `${answer.status} ${answer.json?.code}`
      } catch (error) {
        last = reasonOf(error as Error)
      }
      note(`${what}: ${last}`)
    }
    throw new Error(`${username} got no answer to '${what}' in ${PATIENCE_MS / 1000} s: ${last}`)
  }

  /** What others left in the cart may be sold out by now. */
  async function emptyCart(): Promise<void> {
    const { json: cart } = expectStatus(await ask('look at the cart', () => visitor.get('/api/cart')), 200)
    for (const { productId } of cart.lines) expectStatus(await ask('cart', () => visitor.send('DELETE', `/api/cart/lines/${productId}`)), 200)
  }

  async function order(): Promise<void> {
    const way = chance.weighted(WAYS)
    const wanted = chance.shuffled(productIds).slice(0, chance.whole(1, productIds.length))
    for (const id of wanted) {
      const quantity = chance.whole(1, 3)
      expectStatus(await ask('cart', () => visitor.send('PUT', `/api/cart/lines/${id}`, { quantity })), 200)
    }
    const token = await tokenFor(way)
    // A declined order puts its lines back at any time: then the total has changed, and the customer agrees to the new one.
    for (let isAgreed = false; !isAgreed; ) {
      const { json: cart } = expectStatus(await ask('look at the cart', () => visitor.get('/api/cart')), 200)
      const key = randomUUID()
      const body = {
        delivery: way === 'express' ? 'express' : 'standard', name: username, address, payment: { method: way === 'bank-account' ? 'bank-account' : 'card', token },
        agreedTotalMinor: cart.totalMinor, currency: cart.currency,
      }
      const placed = await ask('order', () => visitor.send('POST', '/api/orders', body, { 'idempotency-key': key }))
      isAgreed = !(placed.status === 409 && placed.json.code === 'price-changed')
      if (isAgreed) accepted.push({ id: expectStatus(placed, 201).json.id, username, way, isCancelled: false })
    }
  }

  async function tokenFor(way: Way): Promise<string> {
    const instrument = way === 'bank-account' ? { iban: 'DE89370400440532013000' } : CARDS[way] ? { cardNumber: CARDS[way] } : undefined
    let token = ''
    await ask('payment token', async () => {
      token = await paymentToken(visitor, instrument)
      return { status: 200 } as Answer
    })
    return token
  }

  async function cancelOne(): Promise<void> {
    const one = chance.pick(accepted.slice(-4))
    const key = randomUUID()
    const answer = await ask('cancel', () => visitor.send('POST', `/api/orders/${one.id}/cancel`, undefined, { 'idempotency-key': key }))
    if (answer.status !== 409) expectStatus(answer, 200, 202)
    one.isCancelled = answer.status !== 409
  }

  return {
    accepted,
    async goOn(isOver) {
      await emptyCart()
      while (!isOver()) {
        await order()
        if (chance.isLucky(0.2)) await cancelOne()
        if (chance.isLucky(0.3)) expectStatus(await ask('read', () => visitor.get(`/api/orders/${accepted.at(-1)!.id}`)), 200)
        await pause(chance.whole(50, 500))
      }
    },
    close: () => visitor.close(),
  }
}

function expectStatus(answer: Answer, ...allowed: number[]): Answer {
  if (!allowed.includes(answer.status)) throw new Error(`the shop answered ${answer.status}, not ${allowed.join(' or ')}: ${answer.text.slice(0, 400)}`)
  return answer
}

const reasonOf = (error: Error): string => {
  const cause = error.cause as { code?: string; message?: string } | undefined
  return (cause?.code ?? cause?.message ?? error.message).slice(0, 120)
}
