import type { IncomingMessage } from 'node:http'
import { framingFault, FramingRefused } from '@shop/chassis/plain-http.ts'
import type { Step } from '../pipeline.ts'

/** Refuses requests that two HTTP parsers could read differently, and every way to leave plain HTTP/1.1 (S5.1, S13.1). */
export const refuseAmbiguousFraming = <Call extends { request: IncomingMessage }>(): Step<Call> => (call) => {
  const reason = framingFault(call.request)
  if (reason) throw FramingRefused({ evidence: { reason }, headers: { connection: 'close' } })
}
