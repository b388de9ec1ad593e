/** The catalog's counterpart without a check: the same statement over the same TLS to the same table, Express on a Unix socket. */
import { createServer } from 'node:http'
import express from 'express'
import pg from 'pg'
import { onceTold, tell } from './told.ts'

export type CatalogTold = { socket: string; database: { host: string; port: number; database: string; user: string; ssl: { ca: string; key: string; cert: string; servername: string } } }

const { socket, database } = await onceTold<CatalogTold>()
const pool = new pg.Pool({ ...database, max: 6, idleTimeoutMillis: 30_000 })
const app = express().disable('x-powered-by').disable('etag')

app.get('/products/:productId', async (request, response) => {
  const { rows } = await pool.query({
    name: 'product', values: [request.params['productId']],
    text: `select p.id, p.number, p.name, p.description, p.category, p.seller, s.name as seller_name, p.price_minor, p.currency, p.stock, p.version
     from products p join sellers s on s.id = p.seller where p.id = $1`,
  })
  const row = rows[0]
  if (!row) return void response.status(404).end()
  response.status(200).set('etag', `"${row.version}"`).type('application/json').end(JSON.stringify({
    id: row.id, number: row.number, name: row.name, description: row.description, category: row.category, seller: { id: row.seller, name: row.seller_name },
    priceMinor: Number(row.price_minor), currency: row.currency, stock: row.stock, pictureUrl: `/pictures/${row.id}`,
  }))
})

const server = createServer({ keepAliveTimeout: 75_000 }, app)
server.listen(socket, () => tell(null))
