/** Catalog, billing and shipping for tests of the saga: one HTTP server behind the outbound socket, idempotent as theirs are, and as unreliable as told. */
import http from 'node:http'
import { rmSync } from 'node:fs'

export type World = {
  /** Per order: pieces held or sold, cents authorized and charged, the parcel. */
  stock: Map<string, 'held' | 'sold' | 'released'>
  money: Map<string, { authorized: number; charged: number; isClosed: boolean }>
  parcels: Map<string, 'created' | 'left' | 'cancelled'>
  /** 'POST /payments/<id>/capture' → how often it was asked. */
  calls: Map<string, number>
}
export type Behaviour = {
  /** Chance that an answer is lost after its effect, and that a request is not taken. */
  loss: number
  /** Milliseconds until an answer, at most. */
  delayMs: number
  random(): number
  /** A neighbour that answers nothing but 503. */
  away?: string
  /** Order ids that are out of stock, or whose payment is declined. */
  isOutOfStock(orderId: string): boolean
  isDeclined(orderId: string): boolean
}

export async function startNeighbours(socket: string, behaviour: Behaviour): Promise<{ world: World; close(): Promise<void> }> {
  const world: World = { stock: new Map(), money: new Map(), parcels: new Map(), calls: new Map() }
  const { stock, money, parcels } = world
  const paymentOf = (id: string) => money.get(id) ?? money.set(id, { authorized: 0, charged: 0, isClosed: false }).get(id)!
  const answers: [RegExp, (id: string, body: any) => [number, unknown?]][] = [
    [/^catalog PUT \/reservations\/([^/]+)$/, (id) => {
      if (stock.get(id) === 'released' || behaviour.isOutOfStock(id)) return [409, { code: 'out-of-stock' }]
      if (!stock.has(id)) stock.set(id, 'held')
      return [200, { orderId: id }]
    }],
    [/^catalog POST \/reservations\/([^/]+)\/commit$/, (id) => {
      if (stock.get(id) === 'released') return [409, { code: 'conflict' }]
      stock.set(id, 'sold')
      return [204]
    }],
    [/^catalog DELETE \/reservations\/([^/]+)$/, (id) => {
      stock.set(id, 'released')
      return [204]
    }],
    [/^billing PUT \/payments\/([^/]+)$/, (id, body) => {
      const payment = paymentOf(id)
      if (payment.isClosed) return [409, { code: 'conflict' }]
      if (behaviour.isDeclined(id)) return [200, { status: 'declined', declineReason: 'insufficient-funds' }]
      if (!payment.charged) payment.authorized = body.amountMinor
      return [200, { status: 'authorized' }]
    }],
    [/^billing POST \/payments\/([^/]+)\/capture$/, (id) => {
      const payment = paymentOf(id)
      if (payment.isClosed || !(payment.authorized || payment.charged)) return [409, { code: 'conflict' }]
      payment.charged ||= payment.authorized
      payment.authorized = 0
      return [200, { status: 'captured' }]
    }],
    [/^billing POST \/payments\/([^/]+)\/cancel$/, (id) => {
      const payment = paymentOf(id)
      const status = payment.charged ? 'refunded' : 'cancelled'
      Object.assign(payment, { authorized: 0, charged: 0, isClosed: true })
      return [200, { status }]
    }],
    [/^shipping PUT \/shipments\/([^/]+)$/, (id) => {
      if (parcels.get(id) === 'cancelled') return [409, { code: 'order-cancelled' }]
      if (!parcels.has(id)) parcels.set(id, 'created')
      return [200, { orderId: id }]
    }],
    [/^shipping DELETE \/shipments\/([^/]+)$/, (id) => {
      if (parcels.get(id) === 'left') return [409, { code: 'already-dispatched' }]
      parcels.set(id, 'cancelled')
      return [204]
    }],
  ]
  const server = http.createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const request = `${req.headers.host} ${req.method} ${req.url}`
    world.calls.set(request, (world.calls.get(request) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, behaviour.random() * behaviour.delayMs))
    const send = (status: number, body?: unknown) => res.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? undefined : JSON.stringify(body))
    if (req.headers.host === behaviour.away || behaviour.random() < behaviour.loss) return send(503, { code: 'unavailable' })
    for (const [pattern, answer] of answers) {
      const id = pattern.exec(request)?.[1]
      if (!id) continue
      const [status, body] = answer(id, chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined)
      if (behaviour.random() < behaviour.loss) return req.socket.destroy()
      return send(status, body)
    }
    send(500, { code: 'internal', request })
  })
  rmSync(socket, { force: true })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    world,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}
