/** The running processes as `npm run status` sees them, and what can befall them. */
import { Client } from 'undici'
import { eventually, readEndpoints } from '../shop.ts'

export type Running = { name: string; kind: string; service?: string; state: string; health: string; pid?: number; restarts: number; reason?: string; lastLines?: string[] }

/** Asks the runner's socket, which endpoints.json names: a command would cost a second of a core. */
export async function processes(): Promise<Running[]> {
  const socketPath = readEndpoints().processes.find(({ name }) => name === 'runner')!.socket!
  const client = new Client('http://runner', { socketPath })
  try {
    const { body } = await client.request({ method: 'GET', path: '/status' })
    return ((await body.json()) as { processes: Running[] }).processes
  } finally {
    await client.destroy()
  }
}

export async function named(name: string): Promise<Running> {
  const found = (await processes()).find((one) => one.name === name)
  if (!found) throw new Error(`there is no process '${name}'`)
  return found
}

/** Sends a signal; answers the process it went to, undefined when there was none. */
export async function signal(name: string, what: NodeJS.Signals): Promise<Running | undefined> {
  const one = await named(name)
  if (!one.pid) return undefined
  try {
    process.kill(one.pid, what)
    return one
  } catch {
    return undefined // it went by itself
  }
}

/** Another process under the same name serves. */
export const isBack = async ({ name, pid }: Running): Promise<boolean> => {
  const now = await named(name)
  return now.health === 'healthy' && now.pid !== pid
}

export const back = (killed: Running, timeoutMs = 40_000): Promise<boolean> => eventually(`the restart of ${killed.name}`, () => isBack(killed), timeoutMs)

export const allHealthy = (timeoutMs = 60_000): Promise<Running[]> => eventually('a healthy system', async () => {
  const list = await processes()
  return list.every(({ health }) => health === 'healthy') && list
}, timeoutMs)
