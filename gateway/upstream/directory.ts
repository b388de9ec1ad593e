/** Who answers for a service: one versioned list, which balancing and the resolver share (S7.3). */
export type Instance = {
  /** 'order-1': also what the registrar registered it as. */
  id: string
  /** Id and address: a restarted instance elsewhere starts with a clean slate. */
  key: string
  origin: string
  host: string
  port: number
  version: string
}
export type Listing = { /** Grows with each change. */ revision: number; instances: readonly Instance[] }

export type Directory = {
  /** The last list that was seen, also while the registry is away (S3.2). Empty for a name that is not watched. */
  list(service: string): Listing
  onChange(listener: (service: string, listing: Listing) => void): void
  /** Every name has been asked for once; with or without an answer. */
  ready(): Promise<void>
  stop(): void
}
