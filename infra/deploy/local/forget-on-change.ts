/**
 * Rules are changed by starting access with others. Callers keep tokens for reads up to a minute, under the certificate
 * that these are bound to; when nobody decides by the earlier rules any more they are told to renew it, and with it goes
 * what they kept (S2.2, S12.5, ADR 0023).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Spec } from './supervisor.ts'

/** Answers a change to the spec of access. `renewCallers` is called each time other rules than before have come into force. */
export function forgetOnChange(renewCallers: () => void): (spec: Spec) => Spec {
  let inForce: unknown
  return (spec) => {
    let read: unknown
    return {
      ...spec,
      async prepare() {
        const made = await spec.prepare()
        read = made.launch!.config
        return made
      },
      alone() {
        const isChange = inForce !== undefined && !isDeepStrictEqual(inForce, read)
        inForce = read
        if (isChange) renewCallers()
      },
    }
  }
}
