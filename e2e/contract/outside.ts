/** The monitor's door for people and tools, and the payment provider's. */
import { randomBytes, randomUUID } from 'node:crypto'
import { ca, endpoints } from '../shop.ts'
import { openChannel } from './channel.ts'
import type { Sent } from './cases.ts'
import { operationsOf, type Json } from './documents.ts'
import { USUAL, type Place } from './place.ts'

type Outside = { name: string; document: Json; origin: string; headers: Record<string, string>; known?: Place['known']; strangers: [name: string, headers: Record<string, string>][]; status: number; codes: string[]; isOpen?(id: string): boolean }

function outsidePlace({ name, document, origin, headers, known = { parameters: {}, bodies: {} }, strangers, status, codes, isOpen }: Outside): Place {
  const channel = openChannel(new URL(origin).origin, { ca })
  const with_ = (own: Record<string, string>) => (sent: Sent) => channel.send({ ...sent, headers: { ...own, ...sent.headers } })
  return {
    name, document, operations: operationsOf(document), refusals: USUAL, known,
    send: async (_operation, sent) => with_(headers)(sent),
    strangers: async ({ id }) => (isOpen?.(id) ? [] : strangers.map(([who, own]) => ({ name: who, send: with_(own), statuses: [status], codes }))),
    close: channel.close,
  }
}

export const monitorDoor = (document: Json): Place => outsidePlace({
  name: 'monitor', document, origin: endpoints.dashboard.url, headers: { authorization: `Bearer ${endpoints.dashboard.testerToken}` },
  strangers: [['without a token', {}], ['with another token', { authorization: `Bearer ${randomBytes(32).toString('base64url')}` }]], status: 401, codes: ['token-required'], isOpen: (id) => id === 'getPage',
})

export const merchantDoor = (document: Json): Place => outsidePlace({
  name: 'psp', document, origin: endpoints.psp.url, headers: { authorization: `Bearer ${endpoints.psp.merchantKey}` },
  known: { parameters: { 'idempotency-key': () => randomUUID() }, bodies: {} },
  strangers: [['without a key', {}], ['with another key', { authorization: `Bearer ${randomBytes(32).toString('base64url')}` }]], status: 401, codes: ['merchant-unknown'],
})

export const fieldDoor = (document: Json): Place => outsidePlace({
  name: 'psp field', document, origin: endpoints.psp.url, headers: { origin: new URL(endpoints.psp.url).origin },
  known: { parameters: {}, bodies: { createToken: () => ({ kind: 'card', number: '4242424242424242', expiry: '12/34', cvc: '123' }) } },
  strangers: [['from no page', {}], ['from another page', { origin: 'https://evil.example' }]], status: 403, codes: ['origin-refused'],
})
