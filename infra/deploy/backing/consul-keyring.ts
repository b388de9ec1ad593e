/** The keys that Consul's servers gossip with: the shop's own, and what the lab lends (S3.3, T7). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsulClient } from './consul.ts'

type Ring = { WAN: boolean; Keys: Record<string, number> }

const TRIES = 8, PAUSE_MS = 1_000

/**
 * Installs and removes until the ring holds `own` and `lent`, base64. The first key, which messages are sent with, is
 * never touched. When nothing is lent, members that `isOurs` does not name are sent away: a key that is gone keeps
 * nobody out who is in already. All members have to answer, so one that just died is waited for. Throws with Consul's
 * words when it refuses.
 */
export async function ensureKeyring(client: ConsulClient, own: string, lent: string[], isOurs: (member: string) => boolean): Promise<void> {
  const must = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown, tries = TRIES): Promise<any> => {
    const answer = await client.call(method, path, body)
    if (answer.status === 200) return answer.body
    if (answer.status < 500 || tries === 1) throw new Error(`Consul answered ${method} ${path} with ${answer.status}: ${String(answer.body)}`)
    await sleep(PAUSE_MS)
    return must(method, path, body, tries - 1)
  }
  const RING = '/v1/operator/keyring'
  const sendStrangersAway = async () => {
    for (const { Name } of await must('GET', '/v1/agent/members') as { Name: string }[]) if (!isOurs(Name)) await must('PUT', `/v1/agent/force-leave/${encodeURIComponent(Name)}?prune`)
  }
  if (lent.length === 0) await sendStrangersAway()
  const held = new Set((await must('GET', RING) as Ring[]).flatMap(({ WAN, Keys }) => (WAN ? [] : Object.keys(Keys))))
  for (const key of lent) if (!held.has(key)) await must('POST', RING, { Key: key })
  for (const key of held) if (key !== own && !lent.includes(key)) await must('DELETE', RING, { Key: key })
  if (lent.length === 0) await sendStrangersAway()
}
