/** What is deployed, told by whoever deploys it; asked with a question that waits for the next change. */
import { Client } from 'undici'
import { z } from 'zod'
import type { Logger } from '@shop/chassis/log.ts'
import type { Instance } from './decide.ts'

const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/)
const answerSchema = z.object({
  revision: z.int().optional(),
  instances: z.array(z.object({ id: name, service: name, version: z.string().max(64), host: z.ipv4(), port: z.int().min(1).max(65_535) })),
})

/** Calls `onChange` with each new list, keeps the last when nobody answers. Returns how to stop. */
export function followInventory(socketPath: string, onChange: (instances: Instance[]) => void, log: Logger): () => Promise<void> {
  const client = new Client('http://inventory', { socketPath, bodyTimeout: 60_000, headersTimeout: 60_000 })
  const stopping = new AbortController()
  async function follow(): Promise<void> {
    let after: number | undefined
    let failures = 0
    while (!stopping.signal.aborted) {
      try {
        const { statusCode, body } = await client.request({ method: 'GET', path: `/inventory${after === undefined ? '' : `?after=${after}`}`, signal: stopping.signal })
        const text = await body.text()
        if (statusCode !== 200) throw new Error(`the inventory answered ${statusCode}`)
        const { revision, instances } = answerSchema.parse(JSON.parse(text))
        failures = 0
        if (revision === undefined || revision !== after) onChange(instances)
        after = revision
        if (revision === undefined) await pause(1_000)
      } catch (error) {
        if (stopping.signal.aborted) return
        if (failures++ % 20 === 0) log.warn({ err: error }, 'inventory not read; going on with the last')
        after = undefined
        await pause(Math.min(5_000, 100 * 2 ** failures))
      }
    }
  }
  void follow()
  return async () => {
    stopping.abort()
    await client.destroy()
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
