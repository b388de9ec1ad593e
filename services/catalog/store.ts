/** Products in PostgreSQL. Reservations: reservations.ts. */
import type { Tx } from '@shop/chassis/store.ts'

export type Product = {
  id: string; number: string; name: string; description: string; category: string
  seller: { id: string; name: string }
  priceMinor: number; currency: string; stock: number; pictureUrl: string; version: number
}
export type Draft = Pick<Product, 'name' | 'description' | 'category' | 'priceMinor' | 'currency' | 'stock'>
export type Filter = { search?: string; category?: string; seller?: string; page: number; pageSize: number }
export type Quote = { productId: string; number: string; name: string; seller: string; unitPriceMinor: number; currency: string; stock: number }

const COLUMNS = `p.id, p.number, p.name, p.description, p.category, p.seller, s.name as seller_name, p.price_minor, p.currency, p.stock, p.version`
const FROM = 'products p join sellers s on s.id = p.seller'

const productOf = (row: any): Product => ({
  id: row.id, number: row.number, name: row.name, description: row.description, category: row.category,
  seller: { id: row.seller, name: row.seller_name },
  priceMinor: Number(row.price_minor), currency: row.currency, stock: row.stock, pictureUrl: `/pictures/${row.id}`, version: row.version,
})

/** A word of a person's search as a LIKE pattern: their %, _ and \ stand for themselves. */
const containing = (word: string): string => `%${word.replace(/[\\%_]/g, '\\$&')}%`

/** Products that contain every word, best matches (in the name) first, then in a fixed order; and how many fit in all. */
export async function list(tx: Tx, { search = '', category, seller, page, pageSize }: Filter): Promise<{ items: Product[]; total: number }> {
  const words = search.normalize('NFC').split(/\s+/).filter(Boolean).slice(0, 8).map(containing)
  const where = `($1::text is null or p.category = $1) and ($2::text is null or p.seller = $2)
    and (p.name || ' ' || p.category || ' ' || s.name || ' ' || p.number || ' ' || p.description) ilike all ($3::text[])`
  const filter = [category ?? null, seller ?? null, words]
  const { rows: counted } = await tx.query<{ total: string }>(`select count(*) as total from ${FROM} where ${where}`, filter)
  const { rows } = await tx.query(
    `select ${COLUMNS} from ${FROM} where ${where} order by (p.name ilike all ($3::text[])) desc, p.position limit $4 offset $5`,
    [...filter, pageSize, (page - 1) * pageSize])
  return { items: rows.map(productOf), total: Number(counted[0]!.total) }
}

export async function find(tx: Tx, id: string): Promise<Product | null> {
  const { rows } = await tx.query(`select ${COLUMNS} from ${FROM} where p.id = $1`, [id])
  return rows[0] ? productOf(rows[0]) : null
}

/** The product of this seller, locked until the transaction ends; null when it is somebody else's. */
export async function findOwn(tx: Tx, id: string, seller: string): Promise<Product | null> {
  const { rows } = await tx.query(`select ${COLUMNS} from ${FROM} where p.id = $1 and p.seller = $2 for update of p`, [id, seller])
  return rows[0] ? productOf(rows[0]) : null
}

/** Gives the next product number of the seller, of four digits or more (lpad alone would cut the fifth off); null when there is no such seller. */
export async function create(tx: Tx, seller: string, draft: Draft): Promise<Product | null> {
  const { rows } = await tx.query(
    `with mine as (update sellers set last_number = last_number + 1 where id = $1 returning id, name, prefix || '-' || lpad(last_number::text, greatest(4, length(last_number::text)), '0') as number),
      p as (insert into products (number, seller, name, description, category, price_minor, currency, stock)
            select mine.number, mine.id, $2, $3, $4, $5, $6, $7 from mine returning *)
     select ${COLUMNS} from p join mine s on s.id = p.seller`,
    [seller, draft.name, draft.description, draft.category, draft.priceMinor, draft.currency, draft.stock])
  return rows[0] ? productOf(rows[0]) : null
}

/** Call it on a product that `findOwn` locked. */
export async function update(tx: Tx, id: string, draft: Draft): Promise<Product> {
  await tx.query(
    `update products set name = $2, description = $3, category = $4, price_minor = $5, currency = $6, stock = $7, version = version + 1 where id = $1`,
    [id, draft.name, draft.description, draft.category, draft.priceMinor, draft.currency, draft.stock])
  return (await find(tx, id))!
}

export async function categories(tx: Tx): Promise<{ items: { name: string; count: number }[]; sellers: { id: string; name: string; count: number }[] }> {
  const items = await tx.query('select category as name, count(*)::int as count from products group by category order by category')
  const sellers = await tx.query(`select s.id, s.name, count(*)::int as count from ${FROM} group by s.id order by s.name`)
  return { items: items.rows, sellers: sellers.rows }
}

export async function quotes(tx: Tx, ids: string[]): Promise<Quote[]> {
  const { rows } = await tx.query(`select ${COLUMNS} from ${FROM} where p.id = any($1::uuid[]) order by p.id`, [ids])
  return rows.map(productOf).map((p) => ({ productId: p.id, number: p.number, name: p.name, seller: p.seller.name, unitPriceMinor: p.priceMinor, currency: p.currency, stock: p.stock }))
}
