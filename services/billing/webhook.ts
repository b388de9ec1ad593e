/** The provider's signature on what it tells us: HMAC-SHA256 over time and payload, so that old ones cannot come again. */
import { createHmac, timingSafeEqual } from 'node:crypto'

const TOLERANCE_SECONDS = 300

/** `header` is 't=<unix seconds>,v1=<hex>'. */
export function isSignedByProvider(header: string, payload: string, secret: string, nowSeconds: number): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header)
  if (!match || Math.abs(nowSeconds - Number(match[1])) > TOLERANCE_SECONDS) return false
  const expected = createHmac('sha256', secret).update(`${match[1]}.${payload}`).digest()
  return timingSafeEqual(expected, Buffer.from(match[2]!, 'hex'))
}
