/** The broker as one who holds a workload's data certificate meets it, and events as their producers sign them. */
import { createHash, randomUUID, sign } from 'node:crypto'
import amqp from 'amqplib'
import { command } from './commands.ts'
import { endpoints, eventually } from '../shop.ts'
import { Insider } from './insider.ts'
import { purchase } from './purchase.ts'
import type { Scene } from './scene.ts'

export type Pair = { key: string; certificate: string }
/** `signature`: a detached JWS, if any. */
export type Message = { id: string; topic: string; body: Buffer; signature?: string | undefined }

export function dataOf({ held, workload }: Insider): Pair {
  if (!held.data) throw new Error(`${workload} has no data certificate`)
  return held.data
}

/** A connection as that workload's broker user. Rejects when the broker refuses it. */
export async function openBroker(as: Insider, localAddress = as.address, vhost = 'shop'): Promise<amqp.ChannelModel> {
  const { key, certificate } = dataOf(as)
  const { host: hostname, port } = endpoints.infrastructure.rabbitmq
  const tls = { key, cert: certificate, ca: as.held.roots, minVersion: 'TLSv1.3' as const, servername: `rabbitmq.${as.held.places.trustDomain}`, checkServerIdentity: () => undefined, localAddress }
  const connection = await amqp.connect({ protocol: 'amqps', hostname, port, vhost, username: '', password: '' }, { ...tls, credentials: amqp.credentials.external() })
  connection.on('error', () => {}) // what was asked on it rejects
  return connection
}

/** Publishes as that workload's broker user; resolves when the broker has confirmed all of it, rejects when it refuses. */
export async function publish(as: Insider, messages: Message[]): Promise<void> {
  const connection = await openBroker(as)
  try {
    const channel = await connection.createConfirmChannel()
    for (const { id, topic, body, signature } of messages)
      channel.publish('shop.events', topic, body, { persistent: true, contentType: 'application/cloudevents+json', messageId: id, headers: signature === undefined ? {} : { signature } })
    await channel.waitForConfirms()
  } finally {
    await connection.close().catch(() => {})
  }
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** As a producer's relay does it (docs/asyncapi.yaml). `header` changes what the header says. */
export function signatureOf(body: Buffer, { key, certificate }: Pair, header: object = {}): string {
  const x5c = [...certificate.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)].map(([, base64]) => base64!.replaceAll(/\s/g, ''))
  const protectedPart = part({ alg: 'ES256', x5c, ...header })
  const input = Buffer.from(`${protectedPart}.${createHash('sha256').update(body).digest('base64url')}`)
  return `${protectedPart}..${sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The body of "the carrier has the parcel", as shipping says it. */
export const dispatched = (orderId: string, traceparent: string, change: object = {}): { id: string; body: Buffer } => {
  const id = randomUUID()
  return { id, body: Buffer.from(JSON.stringify({
    specversion: '1.0', id, source: 'shipping', type: 'shipment.dispatched', subject: orderId, time: new Date().toISOString(), datacontenttype: 'application/json', traceparent, data: { orderId }, ...change,
  })) }
}

/** An order that was called off: nothing happens to it any more by itself. `version` counts its changes, as order's own API tells the edge. */
export async function calledOff(scene: Scene): Promise<{ id: string; version(): Promise<number> }> {
  const alice = await scene.signIn('alice')
  const id = (await purchase(alice)).json.id as string
  // Until a step is under way it waits for its end; then it can be called off.
  await eventually(`the end of order ${id}`, async () => {
    const { json } = await alice.get(`/api/orders/${id}`)
    if (json?.order?.status === 'cancelled') return true
    if (json?.order?.status !== 'cancelling') await alice.send('POST', `/api/orders/${id}/cancel`, undefined, { 'idempotency-key': randomUUID() })
    return false
  })
  const edge = await scene.insider('edge')
  const { json: { access_token: token } } = await edge.exchange({ audience: 'order', scope: 'getOrder', subjectToken: await edge.userToken('alice') })
  const version = async () => {
    const { status, json } = await edge.call(Insider.addressOf('order-1-gateway'), 'GET', `/orders/${id}`, { token })
    if (status !== 200) throw new Error(`order ${id}: ${status}`)
    return json.version as number
  }
  return { id, version }
}

/** Message ids that lie in order's dead-letter queue. */
export async function deadLetters(): Promise<Set<string>> {
  const [, lines = ''] = /^order:.*\n((?: {2}.*\n)*)/m.exec(await command('dead-letters', 'list')) ?? []
  return new Set([...lines.matchAll(/^ {2}\S+ {2}([0-9a-f-]{36}) /gm)].map(([, id]) => id!))
}
