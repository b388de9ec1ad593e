/** What the shop's operations answer, as far as pages show it (openapi.yaml). Money in minor units. */
export type Product = { id: string; number: string; name: string; description: string; category: string; seller: { id: string; name: string }; priceMinor: number; currency: string; stock: number }
export type ProductPage = { items: Product[]; page: number; pageSize: number; total: number }
export type Categories = { items: { name: string; count: number }[]; sellers: { id: string; name: string; count: number }[] }
export type CartLine = { productId: string; number: string; name: string; seller?: string; quantity: number; unitPriceMinor: number; currency: string; lineTotalMinor: number; available?: boolean }
export type Cart = { lines: CartLine[]; totalMinor: number; currency: string; count: number }
export type Address = { recipient: string; line1: string; line2?: string; postalCode: string; city: string; country: string }
export type Profile = { name: string; addresses: Address[] }
export type OrderLine = { productId: string; number: string; name: string; quantity: number; unitPriceMinor: number; lineTotalMinor: number }
export type Step = { status: string; at: string }
export type Order = {
  id: string; number: string; status: string; reason?: string; delivery?: string; lines: OrderLine[]; totalMinor: number; currency: string; name?: string
  address?: Address; payment?: { method?: string; status?: string; declineReason?: string }; placedAt: string; history?: Step[]
}
export type OrderPage = { items: Order[]; page: number; pageSize: number; total: number }
export type Shipment = {
  number: string; status: string; priority: string; tracking: Step[]
  billOfLading: { number?: string; packages?: { number?: string | number; weightGrams?: number; lines?: { productId?: string; name?: string; quantity?: number }[] }[] }
}
export type Invoice = { number: string; issuedAt: string; name?: string; address?: Address; lines: Partial<OrderLine>[]; totalMinor: number; currency: string; payment?: { method?: string; status?: string; settledAt?: string } }
export type Part<T> = { state: 'ok' | 'absent' | 'unavailable'; value?: T }
export type OrderView = { order: Order; shipment: Part<Shipment>; invoice: Part<Invoice> }

/** Makes an element: HTML text in the edge, a DOM node in the browser. What is in children and props is text, never markup. */
export type H<T> = (tag: string, props: Record<string, string | number | boolean | null | undefined> | null, ...children: Child<T>[]) => T
export type Child<T> = T | string | number | null | undefined | false | Child<T>[]
