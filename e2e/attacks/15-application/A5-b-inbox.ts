// Whoever has recorded an event of shipping's sends it again, a hundred times, mixed with older ones and in any order.
// Every copy is genuine: right topic, right key, right body. Each that counts is one more change of the order, and makes
// what its readers hold (the order's version is its ETag) stale once more.
import { eventually, events } from '../../shop.ts'
import { attack } from '../attack.ts'
import { calledOff, dataOf, dispatched, publish, signatureOf, type Message } from '../broker.ts'
import type { Scene } from '../scene.ts'

const COPIES = 100

async function say(scene: Scene, copies: number): Promise<{ changes: number }> {
  const order = await calledOff(scene)
  const before = await order.version()
  const shipping = await scene.insider('shipping')
  const genuine = (topic: string): Message => {
    const { id, body } = dispatched(order.id, scene.traceparent, { type: topic })
    return { id, topic, body, signature: signatureOf(body, dataOf(shipping)) }
  }
  const [older, later] = [genuine('shipment.dispatched'), genuine('shipment.delivered')]
  await publish(shipping, [older, later])
  await eventually('the first effect of both', async () => (await order.version()) === before + 2)
  if (copies === 0) return { changes: 2 }
  scene.refused({ traceId: scene.traceId })
  await publish(shipping, Array.from({ length: copies }, (_, i) => (i % 3 === 0 ? later : older)))
  const repeated = async () => (await events({ traceId: scene.traceId, limit: '1000' })).filter(({ data }) => data.code === 'event-repeated').length
  const changes = await eventually('an end of the copies', async () => ((await order.version()) > before + 2 || (await repeated()) >= copies) && (await order.version()) - before)
  scene.note({ request: `${copies} copies of two events`, changes })
  return { changes }
}

attack({
  id: 'A5-b-inbox',
  strategies: ['A5', 'A6'],
  kind: 'attack',
  goal: 'have recorded events take effect again',
  without: 'inbox-dedup',
  stopped: { code: 'event-repeated', detection: 'EVENT-FORGED' },
  run: async (scene) => (await say(scene, COPIES)).changes > 2,
  probe: async (scene) => (await say(scene, 0)).changes === 2,
})
