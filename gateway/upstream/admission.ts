/** Who of the list may be asked now: one view, which balancing and the resolver share (S7.1, S7.3). */
import type { Clock } from './clock.ts'
import type { Directory, Listing } from './directory.ts'
import { createOutliers, type Outliers } from './outlier-ejection.ts'

export type Admission = {
  /** The directory's list without the instances that failed us. Revision 0: nothing is known of the service. */
  admitted(service: string): Listing
  outliersOf(service: string): Outliers
}

/** Of a list that stays the same for minutes. */
const keys = new WeakMap<Listing, string[]>()
function keysOf(listing: Listing): string[] {
  let known = keys.get(listing)
  if (!known) keys.set(listing, (known = listing.instances.map((i) => i.key)))
  return known
}

export function createAdmission(directory: Directory, clock: Clock): Admission {
  const byService = new Map<string, Outliers>()
  const outliersOf = (service: string) => {
    let outliers = byService.get(service)
    if (!outliers) byService.set(service, (outliers = createOutliers()))
    return outliers
  }
  directory.onChange((service, { instances }) => outliersOf(service).keep(new Set(instances.map((i) => i.key))))
  return {
    outliersOf,
    admitted(service) {
      const listing = directory.list(service)
      const good = outliersOf(service).eligible(keysOf(listing), clock.now())
      return good.length === listing.instances.length ? listing : { ...listing, instances: listing.instances.filter((i) => good.includes(i.key)) }
    },
  }
}
