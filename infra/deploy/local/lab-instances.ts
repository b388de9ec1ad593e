/** The lab's hand in the inventory: instances that somebody deployed who should not have (S3.6). Each goes by itself. */
import type { Instance, Inventory } from './inventory.ts'

const LONGEST_SECONDS = 120

/** `until`: when it goes by itself. */
export type LabInstance = { id: string; address: string; until: string }

/** `own`: what the runner itself deployed. */
export function createLabInstances(inventory: Inventory, own: Instance[]) {
  const lent = new Map<string, { instance: Instance; until: string; timer: NodeJS.Timeout }>()
  let count = 0
  const tell = () => inventory.set([...own, ...[...lent.values()].map(({ instance }) => instance)])
  /** Without an id: all of them. */
  function back({ id }: { id?: string }): void {
    for (const one of id === undefined ? [...lent.keys()] : [id]) {
      clearTimeout(lent.get(one)?.timer)
      if (lent.delete(one)) tell()
    }
  }
  return {
    /** Answers the id under which it is deployed. Throws when it is no instance, or for too long. */
    set({ service, host, port, seconds = 60 }: { service: string; host: string; port: number; seconds?: number }): { id: string } {
      if (process.env.NODE_ENV === 'production') throw new Error('the lab is refused in production')
      if (!own.some((one) => one.service === service)) throw new Error(`there is no service '${service}'`)
      if (!/^127(\.\d{1,3}){3}$/.test(host) || !(Number.isInteger(port) && port > 0 && port < 65_536)) throw new Error(`'${host}:${port}' is no address of this machine`)
      if (!(seconds > 0 && seconds <= LONGEST_SECONDS)) throw new Error(`an instance of the lab lasts from 1 to ${LONGEST_SECONDS} seconds, not ${seconds}`)
      const id = `${service}-lab${++count}`
      lent.set(id, { instance: { id, service, instance: 1_000 + count, version: '1', host, port }, until: new Date(Date.now() + seconds * 1_000).toISOString(), timer: setTimeout(() => back({ id }), seconds * 1_000) })
      tell()
      return { id }
    },
    back,
    list: (): LabInstance[] => [...lent.values()].map(({ instance: { id, host, port }, until }) => ({ id, address: `${host}:${port}`, until })),
    close() {
      for (const { timer } of lent.values()) clearTimeout(timer)
    },
  }
}
