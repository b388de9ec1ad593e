// Someone is past the broker's own check: he runs it, or broke into it, and may put any message into any queue. He has
// nobody's key. Here he is played by shipping's broker user, whom the broker lets speak on shipping's topics, and he says
// that a parcel has left which was called off. What the order service makes of it is counted in the order's version.
import { eventually } from '../../shop.ts'
import { attack } from '../attack.ts'
import { calledOff, dataOf, deadLetters, dispatched, publish, signatureOf, type Message } from '../broker.ts'
import type { Scene } from '../scene.ts'

async function forge(scene: Scene): Promise<boolean> {
  const order = await calledOff(scene)
  const before = await order.version()
  const [shipping, stranger] = [await scene.insider('shipping'), await scene.insider('billing')]
  const [own, others] = [dataOf(shipping), dataOf(stranger)]
  const at = (minutes: number) => ({ time: new Date(Date.now() + minutes * 60_000).toISOString() })
  const forged: [string, object, (body: Buffer) => string | undefined, string?][] = [
    ['no signature', {}, () => undefined],
    ['an empty one', {}, () => ''],
    ['alg none', {}, (body) => `${signatureOf(body, own, { alg: 'none' }).split('..')[0]}..`],
    ['a signature of zeros', {}, (body) => `${signatureOf(body, own).split('..')[0]}..${Buffer.alloc(64).toString('base64url')}`],
    ['another producer\'s key', {}, (body) => signatureOf(body, others)],
    ['another producer\'s key under shipping\'s certificate', {}, (body) => signatureOf(body, { key: others.key, certificate: own.certificate })],
    ['the signature of another body', {}, () => signatureOf(dispatched('00000000-0000-4000-8000-000000000000', scene.traceparent).body, own)],
    ['a chain of one', {}, (body) => signatureOf(body, { key: own.key, certificate: own.certificate.slice(0, own.certificate.indexOf('-----END') + 25) })],
    ['made before the certificate was valid', at(-60 * 24 * 30), (body) => signatureOf(body, own)],
    ['made after it will have run out', at(60 * 24 * 365), (body) => signatureOf(body, own)],
    ['a later version of the envelope', { specversion: '2.0' }, (body) => signatureOf(body, own)],
    ['another topic than it was sent to', {}, (body) => signatureOf(body, own), 'shipment.delivered'],
    ['another source', { source: 'billing' }, (body) => signatureOf(body, others)],
  ]
  const messages = forged.map(([what, change, signed, topic = 'shipment.dispatched']): Message => {
    const { traceId, traceparent } = scene.trace()
    const { id, body } = dispatched(order.id, traceparent, change)
    scene.refused({ traceId })
    scene.note({ request: `shipment.dispatched with ${what}`, event: id, traceId })
    return { id, topic, body, signature: signed(body) }
  })
  await publish(shipping, messages)
  // Each is a dead letter in the end, or has had its effect.
  return eventually('an end of the forged events', async () => {
    if ((await order.version()) > before) return { isWon: true }
    const dead = await deadLetters()
    return messages.every(({ id }) => dead.has(id)) && { isWon: (await order.version()) > before }
  }).then(({ isWon }) => isWon)
}

/** The same said by shipping itself is believed. */
async function say(scene: Scene): Promise<boolean> {
  const order = await calledOff(scene)
  const before = await order.version()
  const shipping = await scene.insider('shipping')
  const { id, body } = dispatched(order.id, scene.traceparent)
  await publish(shipping, [{ id, topic: 'shipment.dispatched', body, signature: signatureOf(body, dataOf(shipping)) }])
  return eventually('shipping\'s own event', async () => (await order.version()) === before + 1)
}

attack({
  id: 'A5-b-signature',
  strategies: ['A5'],
  kind: 'attack',
  goal: 'have it believed that a parcel left which was called off, without the key of shipping',
  without: 'event-signature',
  stopped: { code: 'event-forged', detection: 'EVENT-FORGED' },
  run: forge,
  probe: say,
})
