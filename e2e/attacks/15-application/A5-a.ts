// Shipping's broker user says what only others may say, and listens to what is not for it: on their topics, past the
// exchange, through the exchanges of dead letters, with a queue of its own. It claims in a header to be order.
//
// When it can, whoever reads the queue finds no signature and makes a dead letter of it (A5-b). There it would lie until
// somebody looks, so the attack takes its own letters out again.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { ConfirmChannel } from 'amqplib'
import { freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { openBroker } from '../broker.ts'
import type { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

/** By which its messages are known. */
const MARK = randomUUID()
const FORGED = Buffer.from(JSON.stringify({ specversion: '1.0', id: MARK }))

/** True when the message lies in a queue: confirmed, and not handed back as nobody's. */
const say = (exchange: string, topic: string, headers: object = {}) => async (channel: ConfirmChannel): Promise<boolean> => {
  let isReturned = false
  channel.on('return', () => { isReturned = true })
  channel.publish(exchange, topic, FORGED, { mandatory: true, persistent: true, headers: { 'x-producer': 'order', ...headers } })
  await channel.waitForConfirms()
  return !isReturned
}
const listen = (pattern: string) => async (channel: ConfirmChannel): Promise<boolean> => {
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true })
  await channel.bindQueue(queue, 'shop.events', pattern)
  // Something that is said by others: here by itself, as nobody else's turn can be waited for.
  channel.publish('shop.events', 'payment.captured', FORGED)
  await channel.waitForConfirms()
  return (await channel.get(queue, { noAck: true })) !== false
}

const WAYS: [string, (channel: ConfirmChannel) => Promise<boolean>][] = [
  ...['order.paid', 'order.placed', 'order.completed', 'payment.authorized', 'payment.settled', 'product.changed', 'shipment.created.again', 'Shipment.created', '#', ''].map((topic): (typeof WAYS)[number] => [`publish on '${topic}'`, say('shop.events', topic)]),
  ['publish with a header of the replay', say('shop.events', 'order.paid', { to: 'order' })],
  ['write into order\'s queue by the default exchange', say('', 'order')],
  ['write into a queue of dead letters', say('shop.dead', 'order')],
  ['hand order a letter as if it were replayed', say('shop.replay', 'payment.settled', { to: 'order' })],
  ['publish through an exchange of its own', async (channel) => { await channel.assertExchange('shipping.own', 'fanout', { autoDelete: true, durable: false }); await channel.deleteExchange('shipping.own'); return true }],
  ['listen to everything', listen('#')],
  ['listen to payments', listen('payment.*')],
  ['read order\'s dead letters', async (channel) => (await channel.get('order.dead')) !== false],
]

/** Takes what is ours out of the queues of dead letters, until nothing more of it comes. */
async function takeBack(shipping: Insider): Promise<number> {
  const connection = await openBroker(shipping)
  let taken = 0
  try {
    const channel = await connection.createChannel()
    for (let quiet = 0; quiet < 3; await pause(400)) {
      let found = 0
      for (const queue of ['order.dead', 'shipping.dead'])
        for (let letter = await channel.get(queue); letter; letter = await channel.get(queue))
          if (letter.content.includes(MARK)) {
            channel.ack(letter)
            found += 1
          }
      channel.nackAll(true) // those of others
      taken += found
      quiet = found ? 0 : quiet + 1
    }
    await channel.close()
  } finally {
    await connection.close().catch(() => {})
  }
  return taken
}

async function tryAll(scene: Scene): Promise<boolean> {
  const shipping = await scene.insider('shipping')
  let isWon = false
  for (const [what, way] of WAYS) {
    const address = freshAddress()
    const connection = await openBroker(shipping, address)
    const channel = await connection.createConfirmChannel()
    const why = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)))
    const end = await way(channel).then((hasEffect) => ({ hasEffect, said: 'taken' }), async () => ({ hasEffect: false, said: await why }))
    await connection.close().catch(() => {})
    scene.note({ request: what, ...end })
    if (end.hasEffect) isWon = true
    else if (/ACCESS.REFUSED/.test(end.said)) scene.refused({ address, subject: 'shipping' })
  }
  const elsewhere = freshAddress()
  if (await openBroker(shipping, elsewhere, '/').then(async (open) => { await open.close(); return true }, () => false)) isWon = true
  else scene.refused({ address: elsewhere, subject: 'shipping' })
  if (isWon) scene.note({ 'dead letters taken back': await takeBack(shipping).catch((error: Error) => error.message) })
  return isWon
}

attack({
  id: 'A5-a',
  strategies: ['A5'],
  kind: 'attack',
  goal: 'put a message of another\'s into a queue, or read what is for others',
  without: 'broker-topics',
  stopped: { code: 'broker-denied', detection: 'BROKER-DENY' },
  run: tryAll,
  /** Its own topic; nobody listens to this one. */
  async probe(scene) {
    const connection = await openBroker(await scene.insider('shipping'))
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    channel.publish('shop.events', 'shipment.cancelled', Buffer.from('{}'))
    return channel.waitForConfirms().then(() => true, () => false).finally(() => connection.close().catch(() => {}))
  },
})
