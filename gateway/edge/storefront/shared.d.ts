/** The modules that edge and browser both draw with: plain JavaScript, because browsers load them as they are. */
declare module '*/assets/format.js' {
  export const money: (minor: number, currency: string) => string
  export const day: (iso: string) => string
  export const moment: (iso: string) => string
  export const stockOf: (stock: number) => { kind: 'none' | 'few' | 'some'; text: string }
  export const amount: (minor: number) => string
}
declare module '*/assets/cart-view.js' {
  import type { Cart, H } from './shapes.ts'
  export const cartLines: <T>(h: H<T>, cart: Cart) => T
  export const cartTotals: <T>(h: H<T>, cart: Cart) => T
  export const summaryLines: <T>(h: H<T>, cart: Cart) => T
}
declare module '*/assets/order-view.js' {
  import type { Address, H, OrderView } from './shapes.ts'
  export const orderParts: <T>(h: H<T>, view: OrderView) => Record<'headline' | 'notice' | 'progress' | 'shipment' | 'payment', T>
  export const statusText: (view: OrderView) => string
  export const statusBadge: <T>(h: H<T>, order: { status: string }) => T
  export const canCancel: (view: OrderView) => boolean
  export const canRetry: (view: OrderView) => boolean
  export const retryText: (view: OrderView) => string
  export const isSettled: (view: OrderView) => boolean
  export const addressLines: <T>(h: H<T>, address: Address) => T
  export const countryName: (code: string) => string
}
declare module '*/assets/address-view.js' {
  import type { Address, H } from './shapes.ts'
  export const COUNTRIES: readonly string[]
  export const addressFields: <T>(h: H<T>, prefix: string, address?: Partial<Address>) => T
  export const field: <T>(h: H<T>, f: { name: string; label: string; value?: string | number; type?: string; hint?: string; invalid?: string; complete?: string; max?: number; isOptional?: boolean; mode?: string; pattern?: string }) => T
}
