/** How amounts, dates and stock read. The edge and browsers both use it, so a page never changes its mind. */
const LOCALE = 'en-IE'

/** 1234, 'EUR' → '€12.34' */
export const money = (minor, currency) => new Intl.NumberFormat(LOCALE, { style: 'currency', currency }).format(minor / 100)

/** 1234 → '12.34', for a field. */
export const amount = (minor) => (minor / 100).toFixed(2)

const at = (iso, options) => (Number.isNaN(Date.parse(iso)) ? '' : new Intl.DateTimeFormat(LOCALE, { timeZone: 'UTC', ...options }).format(new Date(iso)))
export const day = (iso) => at(iso, { dateStyle: 'long' })
export const moment = (iso) => at(iso, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }) && `${at(iso, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })} UTC`

export const stockOf = (stock) =>
  stock <= 0 ? { kind: 'none', text: 'Sold out' } : stock <= 5 ? { kind: 'few', text: `Only ${stock} left` } : { kind: 'some', text: 'In stock' }
