/** A worker in a process of its own, for tests that kill it. Argument: JSON of where things are. */
import { createLog } from '@shop/chassis/log.ts'
import { createNeighbours } from '@shop/chassis/neighbour.ts'
import { createOutbox } from '@shop/chassis/outbox.ts'
import { createStoreOn } from '@shop/chassis/store.ts'
import { createAdvance } from './advance.ts'
import { paymentSteps } from './billing.ts'
import { stockSteps } from './catalog.ts'
import { order } from './service.ts'
import { shipmentSteps } from './shipping.ts'
import { startWorker } from './worker.ts'

const { database, socket, name } = JSON.parse(process.argv[2]!)
const log = createLog(name)
log.level = 'silent'
const store = createStoreOn(database, log, 4)
const { of } = createNeighbours(socket)
await startWorker({
  store, log, name, leaseMs: 1_500, pollMs: 50, giveUpMs: 60_000, concurrency: 8, now: () => new Date(), random: Math.random,
  steps: { ...stockSteps(of('catalog')), ...paymentSteps(of('billing')), ...shipmentSteps(of('shipping')) },
  advance: createAdvance(createOutbox(order.publishes), 400),
})
