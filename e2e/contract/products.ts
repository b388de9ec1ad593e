import { openBooks } from '../faults/books.ts'

/** No operation takes a product away, and nobody after a test should meet what it made. */
export async function takeAway(productIds: string[]): Promise<void> {
  if (productIds.length === 0) return
  const books = openBooks()
  try {
    await books.ask('catalog', 'delete from products where id = any($1)', [productIds])
  } finally {
    await books.close()
  }
}
