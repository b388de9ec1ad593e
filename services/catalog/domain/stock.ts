/** Stock arithmetic on plain values. Quantities are whole units. */

export type Line = { productId: string; quantity: number }
export type Shelf = ReadonlyMap<string, number>

export type Shortage = { index: number; productId: string; wanted: number; available: number }

/** Product ids that stand in more than one line: an order names each product once. */
export const repeated = (lines: Line[]): string[] =>
  lines.map((l) => l.productId).filter((id, at, all) => all.indexOf(id) !== at)

/** Lines that the shelf cannot fill; an unknown product counts as none. Empty means that all can be taken. */
export const shortages = (shelf: Shelf, lines: Line[]): Shortage[] =>
  lines.flatMap(({ productId, quantity }, index) => {
    const available = shelf.get(productId) ?? 0
    return available < quantity ? [{ index, productId, wanted: quantity, available }] : []
  })
