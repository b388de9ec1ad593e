/**
 * What a component tells the monitor when it refused something (S5.1). A CloudEvent whose data is an allow list:
 * there is no field that could hold a token, a password, a card or a name.
 * @see https://owasp.org/www-project-appsensor/ detection points
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Problem } from './problem.ts'

const short = (length: number) => z.string().max(length)

export const securityEventSchema = z.strictObject({
  specversion: z.literal('1.0'),
  id: z.uuid(),
  /** 'security.token-invalid'. */
  type: z.string().regex(/^security\.[a-z0-9-]{1,64}$/),
  /** The process that saw it: 'order-1-gateway'. The monitor checks its workload against the certificate. */
  source: short(64),
  time: z.iso.datetime(),
  data: z.strictObject({
    /** AppSensor's id, or ours: TOKEN-INVALID, MTLS-REJECT … */
    detection: z.string().regex(/^[A-Z][A-Z0-9-]{1,31}$/),
    /** The control that refused, as the lab knows it. */
    control: short(64),
    strategies: z.array(z.string().regex(/^[SAGMT][0-9]+(\.[0-9]+)?$/)).max(8),
    /** The problem's code. */
    code: short(64),
    severity: z.enum(['low', 'medium', 'high']),
    /** Who did it: the token's subject, or the peer's SPIFFE id. */
    subject: short(128).optional(),
    /** Where from: the network address as the outermost component saw it. */
    address: short(64).optional(),
    traceId: z.string().regex(/^[0-9a-f]{32}$/).optional(),
    operation: short(128).optional(),
    /** Names of fields that were wrong; never their values. */
    fields: z.array(short(128)).max(20).optional(),
    /** A hash that joins events about the same credential. */
    credential: short(64).optional(),
    reason: short(200).optional(),
  }),
})

export type SecurityEvent = z.infer<typeof securityEventSchema>

export type Report = (detail: SecurityEvent['data']) => void

/** Thrown by a sender whose receiver will never take this batch as it is. */
export class EventsRefused extends Error {}

/** Whether an answer to a batch is about what it holds: sent again it would be the same. */
export const isFinal = (status: number): boolean => status === 400 || status === 413 || status === 422

const BATCH = 100

/**
 * Turns details into events and hands them over in batches. Loses nothing silently: what the bounded buffer drops is
 * counted and reported. One event that nobody takes never holds up the others: else whoever makes one silences us.
 */
export function createReporter(process: string, send: (events: SecurityEvent[]) => Promise<void>, now = () => new Date()): { report: Report; flush(): Promise<void> } {
  let waiting: SecurityEvent[] = []
  let dropped = 0
  let size = BATCH
  let sending: Promise<void> | null = null
  const event = (data: SecurityEvent['data']): SecurityEvent => ({ specversion: '1.0', id: randomUUID(), type: `security.${data.code}`, source: process, time: now().toISOString(), data: inPlainText(data) })
  async function pump(): Promise<void> {
    while (waiting.length) {
      const batch = waiting.slice(0, size)
      try {
        await send(batch)
        size = BATCH
        done(batch.length)
      } catch (error) {
        if (!(error instanceof EventsRefused)) await new Promise((resolve) => setTimeout(resolve, 500).unref())
        else if (batch.length > 1) size = Math.ceil(batch.length / 2)
        else {
          dropped++
          done(1)
        }
      }
    }
  }
  function done(count: number): void {
    waiting = waiting.slice(count)
    // Told when the way is free again, and not over and over by the telling itself.
    if (!dropped || size !== BATCH) return
    waiting.push(event({ detection: 'OVERLOAD', control: 'security-events', strategies: ['S5.1'], code: 'events-dropped', severity: 'high', reason: `${dropped} events did not fit the buffer or were not taken` }))
    dropped = 0
  }
  const flush = () => (sending ??= pump().finally(() => { sending = null }))
  return {
    report(data) {
      if (waiting.length >= 5_000) dropped++
      else waiting.push(event(data))
      void flush()
    },
    flush,
  }
}

/** What an attacker wrote stands in names of fields and reasons; cutting it may break a character in two. Every reader must take it. */
const inPlainText = (data: SecurityEvent['data']): SecurityEvent['data'] =>
  JSON.parse(JSON.stringify(data), (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd') : value)) as SecurityEvent['data']

/** What a refused request tells the monitor; null for problems that are no misuse (a 404 for a product that is gone). */
export function detailOf(problem: Problem, about: { subject?: string; address?: string; traceId?: string; operation?: string; credential?: string }): SecurityEvent['data'] | null {
  if (!problem.detection) return null
  const reason = problem.options.evidence?.['reason']
  const fields = problem.options.errors?.map((e) => e.field.slice(0, 128))
  return {
    detection: problem.detection,
    control: problem.control?.name ?? 'none',
    strategies: problem.control?.strategies ?? [],
    code: problem.code,
    severity: problem.status === 401 || problem.status === 403 ? 'high' : problem.status === 409 ? 'low' : 'medium',
    ...strip(about),
    ...(fields?.length && { fields: fields.slice(0, 20) }),
    ...(typeof reason === 'string' && { reason: reason.slice(0, 200) }),
  }
}

const strip = <T extends object>(o: T) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as T
