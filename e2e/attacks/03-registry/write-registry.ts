/** What an insider with a reader's token tries at the registry, and how it must be refused. */
import type { Scene } from '../scene.ts'

/** Entries of the named service as an honest reader sees them. */
export async function listed(scene: Scene, reader: string, service: string): Promise<string> {
  const { held, call } = await scene.insider(reader).then((one) => ({ held: one.held, call: one.call.bind(one) }))
  const answer = await call(held.places.registry, 'GET', `/v1/health/service/${service}?passing=true`, { headers: { 'x-consul-token': held.places.consulToken } })
  return JSON.stringify((answer.json ?? []).map((entry: any) => [entry.Service.ID, entry.Service.Address, entry.Service.Port]).sort())
}

/** Sends every request as `workload`; true when one was not refused. */
export async function tryAll(scene: Scene, workload: string, requests: [string, string, unknown?][]): Promise<boolean> {
  const insider = await scene.insider(workload)
  const { registry, consulToken } = insider.held.places
  let isDone = false
  for (const [method, path, body] of requests)
    for (const token of [consulToken, '', '00000000-0000-0000-0000-000000000002']) {
      const { traceparent } = scene.trace()
      const answer = await insider.call(registry, method, path, { headers: { traceparent, ...(token && { 'x-consul-token': token }), ...(body !== undefined && { 'content-type': 'application/json' }) }, ...(body !== undefined && { body: JSON.stringify(body) }) })
      scene.answered(answer, `${method} ${path} as ${workload}`, { control: 'registry-policy' })
      isDone ||= answer.status < 400
    }
  return isDone
}
