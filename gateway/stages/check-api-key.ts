import { hash, timingSafeEqual } from 'node:crypto'
import type { EdgeCall } from '../edge/call.ts'
import { ApiKeyInvalid, KeyNotForClient } from '../edge/problems.ts'
import type { Step } from '../pipeline.ts'

/** An API key is good only together with the certificate of the client that it was issued to (S1.3). Kept as SHA-256. */
export const checkApiKey = (clients: Record<string, { apiKeyHash: string }>): Step<EdgeCall> => (call) => {
  const key = call.header('api-key')
  if (!key || !/^[\x21-\x7e]{16,128}$/.test(key)) throw ApiKeyInvalid({ headers: { 'www-authenticate': 'API-Key' } })
  const presented = hash('sha256', key, 'buffer')
  const holder = Object.keys(clients).filter((name) => timingSafeEqual(Buffer.from(clients[name]!.apiKeyHash, 'base64url'), presented))[0]
  if (!holder) throw ApiKeyInvalid({ headers: { 'www-authenticate': 'API-Key' } })
  if (holder !== call.client) throw KeyNotForClient()
}
