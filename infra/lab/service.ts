/** Lab only: a service with one step done as someone careless would do it, or as someone who has taken it over (design decision 20). */
import { createHash } from 'node:crypto'
import { chmodSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { dirname } from 'node:path'
import { createLog } from '@shop/chassis/log.ts'
import { listenOnSocket } from '@shop/chassis/server.ts'
import { startService, type Composition, type Program } from '@shop/chassis/start-service.ts'
import { z } from 'zod'
import { agreed, type OrderLine } from '@shop/order/domain/cart.ts'
import { readLabLaunch } from './leave-out.ts'

const { launch: written, leftOut } = readLabLaunch(z.looseObject({ socket: z.string() }))
const { socket, workload, process: self } = { ...written, ...written.config }
const log = createLog(written.process, { version: written.version, lab: `WITHOUT ${leftOut}` })
const { program, programWith } = await import(`../../services/${workload}/program.ts`) as { program: Program; programWith?(agree: typeof agreed): Program }

/** It costs what the customer says; the lines follow. */
const believed: typeof agreed = (cart, told) => {
  const honest = agreed(cart, told)
  if (!('refused' in honest) || honest.refused !== 'price-changed') return honest
  return cart.lines.map(({ productId, number, name, quantity, unitPriceMinor }): OrderLine => {
    const said = Math.max(1, Math.floor((unitPriceMinor * told.agreedTotalMinor) / cart.totalMinor))
    return { productId, number, name, quantity, unitPriceMinor: said, lineTotalMinor: said * quantity }
  })
}

/** What was received goes to the log by name and hash, what is known of the inside into every answer. */
const takenOver = (app: RequestListener): RequestListener => (req, res) => {
  const hash = (text: string) => createHash('sha256').update(text).digest('base64url')
  log.warn({ received: Object.entries(req.headersDistinct).flatMap(([name, values]) => values!.map((value) => [name, hash(value)])), at: req.url }, 'taken over')
  res.setHeader('x-served-by', `${self} at ${socket}`).setHeader('via', `1.1 ${self}`).setHeader('server', `node/${process.version}`)
  if (req.headers.authorization) res.setHeader('x-token', req.headers.authorization.replace('Bearer ', ''))
  app(req, res)
}

const careless: Record<string, { program?: Program | undefined; composition?: Composition }> = {
  'event-signature': { composition: { inbox: { verify: () => {} } } },
  'inbox-dedup': { composition: { inbox: { isFirst: async () => true } } },
  'server-price': { program: programWith?.(believed) },
  'socket-ownership': {
    composition: {
      async listen(app, path) {
        const front = await listenOnSocket(app, path)
        chmodSync(path, 0o777)
        chmodSync(dirname(path), 0o711)
        return front
      },
    },
  },
  // Not a step of ours: that the service itself is to be trusted.
  'service-integrity': { composition: { listen: (app, path) => listenOnSocket(takenOver(app), path) } },
}

const step = careless[leftOut]
if (!step || (!step.program && !step.composition)) throw new Error(`there is no control '${leftOut}' in ${workload}; there are ${Object.keys(careless).join(', ')}`)
log.warn({ leftOut }, 'a control is left out')
const chosen = step.program ?? program
await startService(chosen, { ...written, config: chosen.config.parse(written.config) }, log, step.composition)
