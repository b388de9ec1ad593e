/** The running shop as the harness sees it: scenes on its doors, its monitor's events, its lab, and honest traffic beside. */
import { endpoints, Visitor } from '../shop.ts'
import { command } from './commands.ts'
import type { SecurityEvent } from './detection.ts'
import type { World } from './harness.ts'
import { startHonest } from './honest.ts'
import { hold, Insider, type Held } from './insider.ts'

const POLL_MS = 150

export async function openWorld({ isFast, tell }: { isFast: boolean; tell(progress: string): void }): Promise<World & { close(): Promise<void> }> {
  const monitor = new Visitor()
  const ask = async (since: string): Promise<{ events: SecurityEvent[]; cursor: string }> => {
    const url = new URL(endpoints.dashboard.events)
    url.searchParams.set('since', since)
    url.searchParams.set('limit', '1000')
    const answer = await monitor.request('GET', url.href, { headers: { authorization: `Bearer ${endpoints.dashboard.testerToken}` } })
    if (answer.status !== 200) throw new Error(`events: ${answer.status} ${answer.text.slice(0, 300)}`)
    return answer.json
  }
  const seen: SecurityEvent[] = []
  let cursor = (await ask(new Date(Date.now() + 3_600_000).toISOString())).cursor
  let reading: Promise<void> | undefined
  /** One reader for all who wait; pages until there is nothing new. */
  const read = () => (reading ??= (async () => {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    for (;;) {
      const page = await ask(cursor)
      seen.push(...page.events)
      const isEnd = page.cursor === cursor || page.events.length < 1_000
      cursor = page.cursor
      if (isEnd) return
    }
  })().finally(() => { reading = undefined }))

  const held = new Map<string, Promise<Held>>()
  const honest = await startHonest()
  const shared = new Map<string, Promise<unknown>>()

  /** Several scenes may want it at once; the last one out gives the service back. */
  let takers = 0
  let turned: Promise<unknown> = Promise.resolve()
  const turn = (action: 'off' | 'on') => (turned = turned.catch(() => {}).then(() => command('lab', action, 'service-integrity')))
  async function giveBack(): Promise<void> {
    takers -= 1
    if (takers === 0) await turn('on')
  }
  return {
    open() {
      const opened: { close(): Promise<void> }[] = []
      const keep = <O extends { close(): Promise<void> }>(one: O): O => { opened.push(one); return one }
      return {
        visitor: (options) => keep(new Visitor(options)),
        signIn: (username) => keep(new Visitor()).signIn(username),
        async insider(workload, instance = '') {
          const key = `${workload} ${instance}`
          let one = held.get(key)
          if (!one) held.set(key, (one = hold(workload)))
          return keep(new Insider(workload, await one))
        },
        isFast, tell,
        shared<T>(name: string, make: () => Promise<T>) {
          if (!shared.has(name)) shared.set(name, make())
          return shared.get(name) as Promise<T>
        },
        async takeOver() {
          takers += 1
          keep({ close: giveBack })
          await (takers === 1 ? turn('off') : turned)
        },
        async changeRules() {
          keep({ close: async () => void (await command('lab', 'on', 'released-rules')) })
          await command('lab', 'off', 'released-rules')
        },
        close: async () => void (await Promise.allSettled(opened.map((one) => one.close()))),
      }
    },
    watch() {
      const from = seen.length
      return {
        seen: () => seen.slice(from),
        async wait(untilMs) {
          if (Date.now() > untilMs) return false
          await read()
          return true
        },
      }
    },
    async lab(action, control) {
      shared.clear()
      await command('lab', action, control)
    },
    honestHarm: honest.takeHarm,
    async close() {
      await honest.stop()
      await monitor.close()
    },
  }
}
