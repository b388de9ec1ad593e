/** Money as whole minor units (cents). Sums are exact or refused: no fraction and no overflow passes. */

export const lineTotalMinor = (unitPriceMinor: number, quantity: number): number => exact(unitPriceMinor * quantity)

export const totalMinor = (lines: { unitPriceMinor: number; quantity: number }[]): number =>
  lines.reduce((sum, { unitPriceMinor, quantity }) => exact(sum + lineTotalMinor(unitPriceMinor, quantity)), 0)

function exact(minor: number): number {
  if (!Number.isSafeInteger(minor) || minor < 0) throw new RangeError(`${minor} is no amount in minor units`)
  return minor
}
