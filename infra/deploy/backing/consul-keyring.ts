/** The keys that Consul's servers gossip with: the shop's own, and what the lab lends (S3.3, T7). */
import type { ConsulClient } from './consul.ts'

type Ring = { WAN: boolean; Keys: Record<string, number> }

/**
 * Installs and removes until the ring holds `own` and `lent`, base64. The first key, which messages are sent with, is
 * never touched. When nothing is lent, members that `isOurs` does not name are sent away: a key that is gone keeps
 * nobody out who is in already. Throws with Consul's words when it refuses.
 */
export async function ensureKeyring(client: ConsulClient, own: string, lent: string[], isOurs: (member: string) => boolean): Promise<void> {
  const must = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown) => {
    const answer = await client.call(method, path, body)
    if (answer.status !== 200) throw new Error(`Consul answered ${method} ${path} with ${answer.status}: ${String(answer.body)}`)
    return answer.body
  }
  const RING = '/v1/operator/keyring'
  const held = new Set((await must('GET', RING) as Ring[]).flatMap(({ WAN, Keys }) => (WAN ? [] : Object.keys(Keys))))
  for (const key of lent) if (!held.has(key)) await must('POST', RING, { Key: key })
  for (const key of held) if (key !== own && !lent.includes(key)) await must('DELETE', RING, { Key: key })
  if (lent.length > 0) return
  for (const { Name } of await must('GET', '/v1/agent/members') as { Name: string }[]) if (!isOurs(Name)) await must('PUT', `/v1/agent/force-leave/${encodeURIComponent(Name)}?prune`)
}
