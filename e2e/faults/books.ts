/** What the databases and the payment provider hold, and everything in it that does not fit together (A6). */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { endpoints, endpointsFile, Visitor } from '../shop.ts'

const SERVICES = ['catalog', 'order', 'shipping', 'billing'] as const
type Database = (typeof SERVICES)[number]
export type Ask = (database: Database, text: string, values?: unknown[]) => Promise<any[]>

/** Reads as the databases' owner; a lost connection is made again by the next question. */
export function openBooks(): { ask: Ask; close(): Promise<void> } {
  const folder = join(dirname(endpointsFile), 'certificates/owner')
  const file = (name: string) => readFileSync(join(folder, name), 'utf8')
  const trustDomain = new URL(endpoints.processes.find(({ spiffeId }) => spiffeId)!.spiffeId!).host
  const { host, port } = endpoints.infrastructure.postgres
  const pools = new Map(SERVICES.map((database) => {
    const pool = new pg.Pool({ host, port, user: 'owner', database, max: 1, connectionTimeoutMillis: 5_000, ssl: { ca: file('roots.pem'), cert: file('certificate.pem'), key: file('key.pem'), servername: `postgres.${trustDomain}`, minVersion: 'TLSv1.3' } })
    pool.on('error', () => {})
    return [database, pool]
  }))
  return {
    ask: async (database, text, values) => (await pools.get(database)!.query(text, values)).rows,
    close: async () => void (await Promise.all([...pools.values()].map((pool) => pool.end()))),
  }
}

export type Expected = {
  /** Ids of orders the shop answered 201 for. */
  accepted: string[]
  /** Products that only these orders hold, with their first stock. */
  stock: Map<string, number>
}

/** Every way in which the books do not fit; empty when all is well. */
export async function findFaults(ask: Ask, { accepted, stock }: Expected): Promise<string[]> {
  const faults: string[] = []
  const say = (isFault: boolean, what: () => string) => { if (isFault) faults.push(what()) }
  const orders = await ask('order', `select id, status, saga, lines, due_at, total_minor::float8 as total from orders o where exists (select from jsonb_array_elements(o.lines) l where (l->>'productId')::uuid = any($1))`, [[...stock.keys()]])
  const ids = orders.map(({ id }) => id)
  const by = <Row extends Record<string, any>>(rows: Row[], key: string) => Map.groupBy(rows, (row) => row[key] as string)
  const shipments = by(await ask('shipping', `select s.*, (select count(*) - count(distinct status) from tracking t where t.shipment_id = s.id)::int as repeated from shipments s where order_id = any($1)`, [ids]), 'order_id')
  const payments = by(await ask('billing', 'select * from payments where order_id = any($1)', [ids]), 'order_id')
  const ledger = by(await ask('billing', `select order_id, sum(amount_minor)::float8 as minor from ledger where account = 'clearing' and order_id = any($1) group by order_id`, [ids]), 'order_id')
  const reservations = by(await ask('catalog', 'select order_id, state from reservations where order_id = any($1)', [ids]), 'order_id')
  const provider = await providersBooks(new Set(ids))

  const unknown = accepted.filter((id) => !ids.includes(id))
  const more = ids.filter((id) => !accepted.includes(id))
  say(unknown.length > 0, () => `accepted, but not in the database: ${unknown.join()}`)
  say(more.length > 0, () => `in the database, but never accepted: ${more.join()}`)
  say(new Set(accepted).size !== accepted.length, () => 'two requests were answered with the same order')

  const sold = new Map<string, number>()
  for (const { id, status, saga, lines, due_at, total } of orders) {
    const wrong = (isFault: boolean, what: string) => say(isFault, () => `order ${id} (${status}): ${what}`)
    const payment = payments.get(id)?.[0]
    const parcel = shipments.get(id)?.find((s) => s.customer_id !== null)
    const held = reservations.get(id)?.[0]?.state
    const { payments: theirs, capturedMinor, refundedMinor } = provider.get(id) ?? { payments: new Set(), capturedMinor: 0, refundedMinor: 0 }
    wrong(theirs.size > 1, `${theirs.size} payments at the provider`)
    wrong(capturedMinor !== 0 && capturedMinor !== total, `captured ${capturedMinor} of ${total}`)
    wrong((ledger.get(id)?.[0]?.minor ?? 0) !== capturedMinor - refundedMinor, `our ledger says ${ledger.get(id)?.[0]?.minor ?? 0}, the provider's ${capturedMinor - refundedMinor}`)
    wrong(due_at !== null, 'somebody is to go on with it')
    wrong((parcel?.repeated ?? 0) > 0, 'its parcel went a step twice')
    if (status === 'completed') {
      wrong(payment?.status !== 'captured', `its payment is ${payment?.status}`)
      wrong(capturedMinor - refundedMinor !== total, 'it is not paid for')
      wrong(!parcel || parcel.status === 'cancelled', `its parcel is ${parcel?.status}`)
      wrong(held !== 'committed', `its stock is ${held}`)
      for (const { productId, quantity } of lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
    } else if (status === 'cancelled' || status === 'rejected') {
      wrong(!['cancelled', 'refunded', 'declined', undefined].includes(payment?.status), `its payment is ${payment?.status}`)
      wrong(capturedMinor !== refundedMinor, 'its money is not given back')
      wrong(parcel !== undefined && parcel.status !== 'cancelled', `its parcel is ${parcel?.status}`)
      wrong(!['released', 'expired', undefined].includes(held), `its stock is ${held}`)
    } else wrong(true, `not at an end: ${JSON.stringify(saga)}`)
  }

  for (const row of await ask('catalog', 'select id, stock from products where id = any($1)', [[...stock.keys()]])) {
    const should = stock.get(row.id)! - (sold.get(row.id) ?? 0)
    say(row.stock !== should, () => `product ${row.id}: ${row.stock} in stock, should be ${should}`)
  }
  const [sums] = await ask('billing', 'select coalesce(sum(amount_minor), 0)::float8 as sum, (select count(*) from (select from ledger group by posting having sum(amount_minor) <> 0) p)::int as crooked from ledger')
  say(sums.sum !== 0 || sums.crooked !== 0, () => `the ledger's sum is ${sums.sum}, ${sums.crooked} postings do not balance`)
  const [gaps] = await ask('billing', `select count(*)::int as issued, coalesce(max(split_part(number, '-', 2)::int), 0) as last from invoices where number like to_char(now() at time zone 'utc', 'YYYY') || '-%'`)
  say(gaps.issued !== gaps.last, () => `${gaps.issued} invoices, the last has number ${gaps.last}`)
  for (const database of SERVICES) {
    const [{ waiting }] = await ask(database, 'select count(*)::int as waiting from outbox where published_at is null')
    say(waiting > 0, () => `${waiting} events wait in ${database}'s outbox`)
  }
  return faults
}

type Theirs = { payments: Set<string>; capturedMinor: number; refundedMinor: number }

/** The provider's ledger by order. */
async function providersBooks(ids: Set<string>): Promise<Map<string, Theirs>> {
  const visitor = new Visitor()
  const books = new Map<string, Theirs>()
  try {
    for (let after = 0; ; ) {
      const { status, json, text } = await visitor.request('GET', new URL(`/v1/ledger?after=${after}&limit=500`, endpoints.psp.url).href, { headers: { authorization: `Bearer ${endpoints.psp.merchantKey}` } })
      if (status !== 200) throw new Error(`the provider's ledger: ${status} ${text}`)
      if (json.items.length === 0) return books
      after = json.next
      for (const { reference, paymentId, entry, amountMinor } of json.items) {
        if (!ids.has(reference)) continue
        const theirs = books.get(reference) ?? { payments: new Set<string>(), capturedMinor: 0, refundedMinor: 0 }
        books.set(reference, theirs)
        theirs.payments.add(paymentId)
        if (entry === 'captured') theirs.capturedMinor += amountMinor
        if (entry === 'refunded') theirs.refundedMinor += amountMinor
      }
    }
  } finally {
    await visitor.close()
  }
}

/** Events that some service gave up on, as `npm run dead-letters` lists them, without those of `before`: attacks on events leave some, and may have come first. */
export async function deadLetters(before: string[] = []): Promise<string[]> {
  const start = join(import.meta.dirname, '../../infra/deploy/start.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [start, 'dead-letters', 'list'], { env: { ...process.env, SHOP_DIR: dirname(endpointsFile) } })
  return stdout.split('\n').filter((line) => line.startsWith('  ') && !before.includes(line))
}
