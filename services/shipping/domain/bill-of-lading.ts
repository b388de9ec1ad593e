/** The bill of lading: how an order's items are packed (A3). */

export type Line = { productId: string; name: string; quantity: number }
export type Package = { number: number; weightGrams: number; lines: Line[] }

/** What a carrier takes as one parcel. */
export const ITEMS_PER_PACKAGE = 10
/** The catalog gives no weights; the carrier charges by this assumption. */
const GRAMS_PER_ITEM = 400
const GRAMS_OF_CARTON = 150

/** Fills parcels in the order of the lines. Every item is in exactly one parcel. */
export function pack(lines: Line[]): Package[] {
  const packages: Package[] = []
  let room = 0
  for (const { productId, name, quantity } of lines)
    for (let left = quantity; left > 0; ) {
      if (room === 0) {
        packages.push({ number: packages.length + 1, weightGrams: GRAMS_OF_CARTON, lines: [] })
        room = ITEMS_PER_PACKAGE
      }
      const taken = Math.min(left, room)
      const parcel = packages.at(-1)!
      parcel.lines.push({ productId, name, quantity: taken })
      parcel.weightGrams += taken * GRAMS_PER_ITEM
      room -= taken
      left -= taken
    }
  return packages
}
