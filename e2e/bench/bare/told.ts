/** How the bench speaks to the programs that it starts: one message in, one back, and the end of the channel ends them. */
import type { AddressInfo } from 'node:net'

process.once('disconnect', () => process.exit(0))

export const onceTold = <Told>(): Promise<Told> => new Promise((resolve) => process.once('message', (told) => resolve(told as Told)))

/** Where it listens now; a socket's path needs no port. */
export const tell = (address: AddressInfo | string | null): void => void process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
