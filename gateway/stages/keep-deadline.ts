/** Takes over what is left of the caller's deadline, at most what the operation may take (S6.1). */
import type { IncomingMessage } from 'node:http'
import type { Operation } from '@shop/chassis/operation.ts'
import { DeadlineExceeded } from '@shop/chassis/problem.ts'
import type { Step } from '../pipeline.ts'

/** Milliseconds left by the header `deadline-ms`; null when it is absent or no whole number. */
export const deadlineLeft = (header: string | string[] | undefined): number | null =>
  typeof header === 'string' && /^[0-9]{1,6}$/.test(header) ? Number(header) : null

type Timed = { request: IncomingMessage; operation?: Operation | undefined; startedAt: number; deadline: number }

/** `now` is the monotonic clock of the process, ms. Throws deadline-exceeded when nothing is left. */
export const keepDeadline = <Call extends Timed>(now: () => number): Step<Call> => (call) => {
  const most = call.operation?.timeoutMs ?? 2_000
  call.deadline = call.startedAt + Math.min(deadlineLeft(call.request.headers['deadline-ms']) ?? most, most)
  if (now() >= call.deadline) throw DeadlineExceeded()
}
