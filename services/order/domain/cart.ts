/** A cart as the customer sees it, and whether it may become an order. */
import { lineTotalMinor, totalMinor } from './money.ts'

export type CartLine = { productId: string; quantity: number }
export type Quote = { productId: string; number: string; name: string; seller: string; unitPriceMinor: number; currency: string; stock: number }
export type Cart = {
  lines: (Omit<Quote, 'stock'> & { quantity: number; lineTotalMinor: number; available: boolean })[]
  totalMinor: number
  currency: string
  /** Pieces, not lines. */
  count: number
}
export type OrderLine = { productId: string; number: string; name: string; quantity: number; unitPriceMinor: number; lineTotalMinor: number }

export const CART_LINES = 50
export const QUANTITY = 99

/** Lines whose product is gone are left out. */
export function priced(lines: CartLine[], quotes: Quote[]): Cart {
  const byId = new Map(quotes.map((q) => [q.productId, q]))
  const shown = lines.flatMap(({ productId, quantity }) => {
    const quote = byId.get(productId)
    if (!quote) return []
    const { stock, ...about } = quote
    return [{ ...about, quantity, lineTotalMinor: lineTotalMinor(quote.unitPriceMinor, quantity), available: stock >= quantity }]
  })
  return { lines: shown, totalMinor: totalMinor(shown), currency: 'EUR', count: shown.reduce((n, l) => n + l.quantity, 0) }
}

export type Agreement = { agreedTotalMinor: number; currency: string }
/** The most that billing takes in one payment, minor units: what could not be paid is not accepted as an order. */
export const MOST_MINOR = 100_000_000

export type Refusal = { refused: 'cart-empty' | 'out-of-stock' | 'price-changed' | 'total-too-high'; lines: number[] }

/** The order's lines at today's prices, if their sum is what the customer agreed to (A2): no price comes from outside. */
export function agreed(cart: Cart, { agreedTotalMinor, currency }: Agreement): OrderLine[] | Refusal {
  if (cart.lines.length === 0) return { refused: 'cart-empty', lines: [] }
  const short = cart.lines.flatMap((line, i) => (line.available ? [] : [i]))
  if (short.length) return { refused: 'out-of-stock', lines: short }
  if (cart.totalMinor !== agreedTotalMinor || cart.currency !== currency) return { refused: 'price-changed', lines: [] }
  if (cart.totalMinor > MOST_MINOR) return { refused: 'total-too-high', lines: [] }
  return cart.lines.map(({ productId, number, name, quantity, unitPriceMinor, lineTotalMinor }) => ({ productId, number, name, quantity, unitPriceMinor, lineTotalMinor }))
}

/** A guest's cart joins the user's: the user's lines stay first, quantities add up to the limit. */
export function merged(mine: CartLine[], guests: CartLine[]): CartLine[] {
  const quantities = new Map(mine.map((l) => [l.productId, l.quantity]))
  for (const { productId, quantity } of guests) quantities.set(productId, Math.min(QUANTITY, (quantities.get(productId) ?? 0) + quantity))
  return [...quantities].slice(0, CART_LINES).map(([productId, quantity]) => ({ productId, quantity }))
}
