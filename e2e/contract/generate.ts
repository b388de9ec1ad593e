/** Random requests of an operation: those that fit are not refused as wrong, those that do not fit are. A failure prints its seed. */
import fc, { type Arbitrary } from 'fast-check'
import { canCarry, goodParts, render, type Case, type Parts } from './cases.ts'
import type { Operation, Parameter } from './documents.ts'
import { faultOf } from './judge.ts'
import type { Place } from './place.ts'
import { asRead, fits, valuesOf, variantsOf } from './schema.ts'

/** `SHOP_CONTRACT_SEED` repeats a run. */
const seed = process.env['SHOP_CONTRACT_SEED'] ? { seed: Number(process.env['SHOP_CONTRACT_SEED']) } : {}

/** Rejects with the smallest request that was answered wrongly. */
export async function generate(place: Place, operation: Operation, runs: number): Promise<void> {
  await fc.assert(fc.asyncProperty(casesLike(place, operation), async (one) => {
    const fault = faultOf(operation, one, await place.send(operation, one.sent, !one.reason), place.refusals)
    if (fault) throw new Error(fault)
  }), { numRuns: runs, ...seed, interruptAfterTimeLimit: 60_000, endOnFailure: false })
}

function casesLike(place: Place, operation: Operation): Arbitrary<Case> {
  const { known } = place
  const values = Object.fromEntries(operation.parameters.filter((one) => isFree(place, one)).map((one) => [one.name, fc.option(valuesOf(one.schema).filter((value) => canCarry(one.in, String(value))), { nil: undefined })]))
  const json = operation.body?.type === 'application/json' ? operation.body.schema : undefined
  const bodies = json ? fc.oneof({ weight: 2, arbitrary: valuesOf(json) }, valuesOf(json).chain((value) => fc.constantFrom(...variantsOf(json, value).map((one) => one.value)))) : fc.constant(undefined)
  return fc.record({ chosen: fc.record(values), body: bodies }).map(({ chosen, body }) => {
    const parts: Parts = goodParts(operation, known)
    for (const parameter of operation.parameters) {
      const value = chosen[parameter.name]
      if (value === undefined) continue
      if (parameter.in === 'header') parts.headers[parameter.name.toLowerCase()] = String(value)
      else if (parameter.in === 'path') parts.params[parameter.name] = String(value)
      else parts.query = [...parts.query.filter(([name]) => name !== parameter.name), [parameter.name, String(value)]]
    }
    if (json) parts.body = { json: body }
    const read = asRead(body)
    const isFit = !json || (fits(json, read) && (known.alsoFits ? known.alsoFits(operation, read) : true))
    const isLarge = json && Buffer.byteLength(JSON.stringify(body)) > operation.limitBytes
    const reason = isLarge ? 'size' : isFit === undefined ? 'rule' : isFit ? undefined : 'input'
    return { name: JSON.stringify({ ...chosen, ...(json && { body }) }), sent: render(operation, parts), ...(reason && { reason }) } as Case
  })
}

/** An edit's version and a key that must be new stay as the place says. */
const isFree = ({ known }: Place, { name }: Parameter) => !known.parameters[name.toLowerCase()] && !/^(if-match|authorization)$/i.test(name)
