import { isIPv6 } from 'node:net'
import type { EdgeCall } from '../edge/call.ts'
import { LimitExceeded } from '../edge/problems.ts'
import type { Step } from '../pipeline.ts'
import { createSourceLimit } from '../source-limit.ts'

export type AnonymousLimit = { perSecond: number; burst: number; now: () => number }

const MAX_SOURCES = 20_000

/**
 * One source's surge never starves the others (S8.1), per IPv4 address or IPv6 /64. The key comes from the socket
 * alone, so no header, cookie or spelling makes a second bucket (S8.2).
 */
export const limitAnonymous = ({ perSecond, burst, now }: AnonymousLimit): Step<EdgeCall> => {
  const limit = createSourceLimit({ perSecond, burst, sources: MAX_SOURCES })
  return (call) => {
    const overMs = limit.take(sourceOf(call.address), now())
    if (overMs === 0) return
    const seconds = Math.max(1, Math.ceil(overMs / 1_000))
    throw LimitExceeded({
      detail: `The limit is ${perSecond} requests a second after a burst of ${burst}; try again in ${seconds} s`,
      headers: { 'retry-after': String(seconds), 'ratelimit-policy': `"source";q=${burst};w=${Math.ceil(burst / perSecond)}`, ratelimit: `"source";r=0;t=${seconds}` },
    })
  }
}

/** '::ffff:1.2.3.4' is 1.2.3.4; of other IPv6 addresses the first four groups. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.toLowerCase().split('%')[0]!.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return groups.slice(0, 4).map((g) => g.replace(/^0+(?=.)/, '')).join(':')
}
