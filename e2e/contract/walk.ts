/** One operation, walked: every case its document implies, several at a time, and whoever may not. */
import { casesOf, goodParts, render, type Case } from './cases.ts'
import type { Operation } from './documents.ts'
import { brokenPromise, faultOf } from './judge.ts'
import type { Place } from './place.ts'

const AT_ONCE = 6

export type Walked = { faults: string[]; accepted: number; refused: number; strangers: number }

export async function walk(place: Place, operation: Operation): Promise<Walked> {
  const methods = place.operations.filter(({ path }) => path === operation.path).map(({ method }) => method)
  const cases = casesOf(operation, place.known, methods)
  const walked: Walked = { faults: [], accepted: 0, refused: 0, strangers: 0 }
  const ask = async (one: Case) => {
    const answer = await place.send(operation, one.sent, !one.reason)
    const fault = faultOf(operation, one, answer, place.refusals)
    if (fault) walked.faults.push(fault)
    if (one.reason) walked.refused++
    else walked.accepted++
  }
  const isSerial = place.isSerial?.(operation)
  await several(cases.filter(({ reason }) => reason || !isSerial), ask)
  if (isSerial) for (const one of cases.filter(({ reason }) => !reason)) await named(one, ask)
  for (const { name, send, statuses, codes, parts } of await place.strangers(operation)) {
    const sent = render(operation, { ...goodParts(operation, place.known), ...parts })
    const answer = await send(sent)
    walked.strangers++
    const wrong = brokenPromise(operation, sent.method, answer) ?? (statuses.includes(answer.status) && (!codes || codes.includes(answer.json?.code)) ? null : `should be ${statuses.join(' or ')} ${codes?.join(' or ') ?? ''}`)
    if (wrong) walked.faults.push(`${sent.method} ${operation.path} ${name}: ${wrong} [${answer.status} ${answer.text.slice(0, 300)}]`)
  }
  return walked
}

async function several(cases: Case[], ask: (one: Case) => Promise<void>): Promise<void> {
  const queue = [...cases]
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (let one = queue.shift(); one; one = queue.shift()) await named(one, ask) }))
}

async function named(one: Case, ask: (one: Case) => Promise<void>): Promise<void> {
  try {
    await ask(one)
  } catch (cause) {
    throw new Error(`${one.sent.method} ${one.sent.path.slice(0, 200)} ${one.name}: no answer`, { cause })
  }
}
