/** Goods that nobody else buys: their stock tells exactly what orders took. */
import { randomUUID } from 'node:crypto'
import { endpoints, Visitor } from '../shop.ts'

/** A new product of the seller hanok with so much stock; its id. */
export async function newProduct(stock: number): Promise<string> {
  const account = endpoints.users.find(({ username }) => username === 'hanok')!
  const visitor = await new Visitor({ certificate: account.certificate!, privateKey: account.privateKey! }).signIn(account.username)
  try {
    const draft = { name: `Test Lot ${randomUUID().slice(0, 8)}`, description: 'Bought by nobody but tests.', category: 'Paper', priceMinor: 1_290, currency: 'EUR', stock }
    const answer = await visitor.send('POST', '/api/seller/products', draft, { 'idempotency-key': randomUUID() })
    if (answer.status !== 201) throw new Error(`the seller's product: ${answer.status} ${answer.text}`)
    return answer.json.id as string
  } finally {
    await visitor.close()
  }
}
