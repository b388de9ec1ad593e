/**
 * Takes events in. A producer is known by its certificate: what it says in another's name is an attack on the
 * detection itself, and so is drowning it (S5.1).
 */
import { TLSSocket } from 'node:tls'
import type { ApiHandlers } from '@shop/chassis/control-api.ts'
import { securityEventSchema, type Report, type SecurityEvent } from '@shop/chassis/security-event.ts'
import { peerOf } from '@shop/chassis/tls.ts'
import type { EventStore } from './event-store.ts'
import { isOwnSource, type Quota } from './producer.ts'

export type Tally = { accepted: number; refused: number; dropped: number; lastAt: string }
/** `stores`: in whose names the socket of the stores may speak. */
export type IngestParts = { events: EventStore; quota: Quota; tallies: Map<string, Tally>; trustDomain: string; report: Report; stores?: string[]; now(): number }

export function ingestHandlers(d: IngestParts): ApiHandlers {
  return {
    async ingestEvents(call) {
      const batch = call.body as unknown[]
      // Without TLS it came by the Unix socket: whoever could open it may speak for one store at a time.
      const { workload, spiffeId } = call.req.socket instanceof TLSSocket ? peerOf(call.req.socket, d.trustDomain) : storeOf(batch, d.stores ?? [])
      const good: SecurityEvent[] = []
      let refused = 0
      for (const raw of batch) {
        const why = faultOf(raw, workload)
        if (why === null) good.push(raw as SecurityEvent)
        else if (refused++ < 3) d.report({ ...why, control: 'event-authentication', strategies: ['S5.1'], severity: 'high', subject: spiffeId, ...(call.traceId && { traceId: call.traceId }) })
      }
      const taken = good.slice(0, d.quota.take(workload, good.length, d.now()))
      // Kept before it is counted: an answer that was lost is repeated and then finds its events kept.
      await d.events.keep(workload, taken)
      for (const { producer, dropped } of d.quota.drops(d.now()))
        d.report({ detection: 'OVERLOAD', control: 'event-quota', strategies: ['S5.1'], code: 'events-dropped', severity: 'high', subject: d.stores?.includes(producer) ? producer : `spiffe://${d.trustDomain}/mesh/${producer}`, reason: `${dropped} events were over the quota` })
      const outcome = { accepted: taken.length, refused, dropped: good.length - taken.length }
      count(d.tallies, workload, outcome, d.now())
      return { status: 202, body: outcome }
    },
  }
}

function storeOf(batch: unknown[], stores: string[]): { workload: string; spiffeId: string } {
  const { source } = (batch[0] ?? {}) as { source?: unknown }
  const workload = stores.find((store) => typeof source === 'string' && isOwnSource(source, store)) ?? 'stores'
  return { workload, spiffeId: workload }
}

/** Null for an event that this workload may report. */
function faultOf(raw: unknown, workload: string): Pick<SecurityEvent['data'], 'detection' | 'code' | 'reason' | 'fields'> | null {
  const checked = securityEventSchema.safeParse(raw)
  if (!checked.success) {
    const fields = checked.error.issues.slice(0, 5).map((issue) => issue.path.join('.').slice(0, 128))
    return { detection: 'RE8', code: 'event-malformed', reason: 'an event does not fit its schema', fields }
  }
  if (!isOwnSource(checked.data.source, workload)) return { detection: 'EVENT-FORGED', code: 'event-forged', reason: `an event in the name of ${checked.data.source}` }
  // The one character that PostgreSQL cannot keep.
  if (JSON.stringify(raw).includes('\\u0000')) return { detection: 'RE8', code: 'event-malformed', reason: 'an event holds U+0000' }
  return null
}

function count(tallies: Map<string, Tally>, producer: string, by: Omit<Tally, 'lastAt'>, nowMs: number): void {
  const was = tallies.get(producer) ?? { accepted: 0, refused: 0, dropped: 0 }
  tallies.set(producer, { accepted: was.accepted + by.accepted, refused: was.refused + by.refused, dropped: was.dropped + by.dropped, lastAt: new Date(nowMs).toISOString() })
}
