/**
 * The directory, filled from Consul by blocking queries through the registry's gateway (S3.2, S3.4, S7.3).
 * An error never changes a list: proxies go on with the last one they know.
 * @see https://developer.hashicorp.com/consul/api-docs/features/blocking
 */
import { EventEmitter } from 'node:events'
import { isIPv4 } from 'node:net'
import type { Logger } from '@shop/chassis/log.ts'
import type { Answer } from './call.ts'
import type { Clock } from './clock.ts'
import type { Directory, Instance, Listing } from './directory.ts'
import { SendError } from './send.ts'
import type { Asker } from './send.ts'

const WAIT_SECONDS = 20
const EMPTY: Listing = { revision: 0, instances: [] }

export type AskRegistry = (path: string, timeoutMs: number, asker: Asker) => Promise<Answer>

/** `onImpostor`: somebody else answers where the registry should; told once until the registry is back. */
export function consulDirectory(names: string[], ask: AskRegistry, log: Logger, clock: Clock, onImpostor: () => void = () => {}): Directory {
  const lists = new Map<string, Listing>()
  const listeners: ((service: string, listing: Listing) => void)[] = []
  const stopping = Object.assign(new EventEmitter(), { destroyed: false })
  let isImpostorKnown = false

  async function watch(name: string, asked: () => void): Promise<void> {
    let index = 0
    let failures = 0
    while (!stopping.destroyed) {
      try {
        const answer = await ask(`/v1/health/service/${name}?passing=true&index=${index}&wait=${WAIT_SECONDS}s`, (WAIT_SECONDS * 1.1 + 3) * 1000, stopping)
        if (answer.status !== 200) throw new Error(`the registry answered ${answer.status}`)
        const instances = readInstances(JSON.parse(answer.body.toString('utf8')))
        const seen = Number(answer.headers['x-consul-index'])
        const wentBack = seen < index
        index = nextIndex(index, seen)
        failures = 0
        isImpostorKnown = false
        if (wentBack) log.warn({ service: name, seen }, 'the registry went back in time')
        // After a lost or restored registry an empty list is more likely its loss than ours; the next answer is believed.
        if (!(wentBack && instances.length === 0)) update(name, instances)
      } catch (error) {
        if (stopping.destroyed) return
        failures++
        if (error instanceof SendError && error.kind === 'peer-mismatch' && !isImpostorKnown) {
          isImpostorKnown = true
          onImpostor()
        }
        if (failures === 1 || failures % 20 === 0) log.warn({ service: name, failures, err: error }, 'registry not reached; going on with the last list')
      } finally {
        asked()
      }
      await clock.sleep(failures ? backoffMs(failures, clock.random) : 20)
    }
  }

  function update(name: string, instances: Instance[]): void {
    const before = lists.get(name)
    if (before && JSON.stringify(before.instances) === JSON.stringify(instances)) return
    const listing = { revision: (before?.revision ?? 0) + 1, instances }
    lists.set(name, listing)
    log.info({ service: name, revision: listing.revision, instances: instances.map((i) => i.key) }, 'instances')
    for (const listener of listeners) listener(name, listing)
  }

  const ready = Promise.all(names.map((name) => new Promise<void>((resolve) => void watch(name, resolve)))).then(() => {})
  return {
    list: (service) => lists.get(service) ?? EMPTY,
    onChange: (listener) => void listeners.push(listener),
    ready: () => ready,
    stop() {
      stopping.destroyed = true
      stopping.emit('close')
    },
  }
}

/** An index must be positive and never goes backwards; else start over. */
export const nextIndex = (index: number, seen: number): number => (Number.isSafeInteger(seen) && seen > 0 && seen >= index ? seen : 0)

/** Full jitter, so that all proxies do not come back at once. */
export const backoffMs = (failures: number, random: () => number): number => 50 + random() * Math.min(5_000, 100 * 2 ** Math.min(failures, 10))

type HealthEntry = { Node?: { Address?: string }; Service?: { ID?: string; Address?: string; Port?: number; Meta?: Record<string, string> | null } }

/** Only entries that can be dialled and named: an IPv4 address, a port, an id that is a DNS label. Sorted, so that equal lists compare equal. */
export function readInstances(entries: unknown): Instance[] {
  if (!Array.isArray(entries)) throw new Error('no list of health entries')
  return (entries as HealthEntry[]).flatMap(({ Node, Service }) => {
    const host = Service?.Address || Node?.Address || ''
    const port = Service?.Port ?? 0
    const id = Service?.ID ?? ''
    if (!isIPv4(host) || !Number.isInteger(port) || port < 1 || port > 65_535 || !/^[a-z0-9-]{1,63}$/.test(id)) return []
    return [{ id, key: `${id}@${host}:${port}`, origin: `https://${host}:${port}`, host, port, version: Service?.Meta?.['version'] ?? '1' }]
  }).sort((a, b) => (a.key < b.key ? -1 : 1))
}
