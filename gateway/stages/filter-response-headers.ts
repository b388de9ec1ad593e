import type { EdgeCall } from '../edge/call.ts'
import type { Stage } from '../pipeline.ts'

const ALLOWED = new Set([
  'allow', 'accept', 'cache-control', 'content-disposition', 'content-security-policy', 'content-type', 'etag', 'idempotency-replayed',
  'last-modified', 'location', 'retry-after', 'vary', 'www-authenticate',
])

/** Lets out only headers that a client needs: nothing names a service, its software or its tokens (S4.1, S10.3). */
export const filterResponseHeaders = (): Stage<EdgeCall> => ({
  response({ answer }) {
    for (const name in answer!.headers)
      if (!ALLOWED.has(name)) {
        answer!.headers = Object.fromEntries(Object.entries(answer!.headers).filter(([one]) => ALLOWED.has(one)))
        return
      }
  },
})
