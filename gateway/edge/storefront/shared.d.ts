/** The modules that edge and browser both draw with: plain JavaScript, because browsers load them as they are. */
declare module '*/assets/format.js' {
  export const money: (minor: number, currency: string) => string
  export const day: (iso: string) => string
  export const moment: (iso: string) => string
  export const stockOf: (stock: number) => { kind: 'none' | 'few' | 'some'; text: string }
  export const amount: (minor: number) => string
}
declare module '*/assets/cart-view.js' {
  export const cartLines: <T>(h: import('./shapes.ts').H<T>, cart: import('./shapes.ts').Cart) => T
  export const cartTotals: <T>(h: import('./shapes.ts').H<T>, cart: import('./shapes.ts').Cart) => T
  export const summaryLines: <T>(h: import('./shapes.ts').H<T>, cart: import('./shapes.ts').Cart) => T
}
declare module '*/assets/order-view.js' {
  export const orderParts: <T>(h: import('./shapes.ts').H<T>, view: import('./shapes.ts').OrderView) => Record<'headline' | 'notice' | 'progress' | 'shipment' | 'payment', T>
  export const statusText: (view: import('./shapes.ts').OrderView) => string
  export const statusBadge: <T>(h: import('./shapes.ts').H<T>, order: { status: string }) => T
  export const canCancel: (view: import('./shapes.ts').OrderView) => boolean
  export const canRetry: (view: import('./shapes.ts').OrderView) => boolean
  export const retryText: (view: import('./shapes.ts').OrderView) => string
  export const isSettled: (view: import('./shapes.ts').OrderView) => boolean
  export const addressLines: <T>(h: import('./shapes.ts').H<T>, address: import('./shapes.ts').Address) => T
  export const countryName: (code: string) => string
}
declare module '*/assets/address-view.js' {
  export const addressFields: <T>(h: import('./shapes.ts').H<T>, prefix: string, address?: Partial<import('./shapes.ts').Address>) => T
  export const field: <T>(h: import('./shapes.ts').H<T>, f: { name: string; label: string; value?: string | number; type?: string; hint?: string; invalid?: string; complete?: string; max?: number; isOptional?: boolean; mode?: string; pattern?: string }) => T
}
