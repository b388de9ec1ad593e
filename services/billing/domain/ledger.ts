/** Double entry: every posting's amounts add up to zero, so the ledger's do, always. */

export type Account = 'receivable' | 'clearing' | 'revenue'
/** Positive is debit. Minor units. */
export type Entry = { account: Account; amountMinor: number }

/** The customer owes it; we earned it; the provider holds it for us. */
export const captured = (amountMinor: number): Entry[] => [
  { account: 'receivable', amountMinor }, { account: 'revenue', amountMinor: -amountMinor },
  { account: 'clearing', amountMinor }, { account: 'receivable', amountMinor: -amountMinor },
]

/** The same the other way round. */
export const refunded = (amountMinor: number): Entry[] => captured(amountMinor).map((e) => ({ ...e, amountMinor: 0 - e.amountMinor }))

/** What the lines add up to, in minor units. */
export function totalOf(lines: { quantity: number; unitPriceMinor: number }[]): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unitPriceMinor, 0)
}
