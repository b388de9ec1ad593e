import { ensureBrowser } from '../../backing/browser.ts'
import { shopDirOf, testDirOf } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { partsCache } from '../site.ts'
import { takeDown } from './down.ts'
import { deleteData } from './reset.ts'
import { runNode } from './script.ts'
import { bringUpInBackground } from './up.ts'

const VITEST = 'node_modules/vitest/vitest.mjs'

export const test = ({ positionals }: Parsed) => onOwnSystem(async () => runNode([VITEST, 'run', ...positionals], needsBrowser(positionals) ? await browserEnv() : {}))
export const testFaults = ({ positionals }: Parsed) => onOwnSystem(() => runNode([VITEST, 'run', 'e2e/faults', ...positionals], { SHOP_FAULTS: 'long' }))

/** Whether some file of e2e/browser can be meant; vitest's filters are parts of paths. */
const needsBrowser = (filters: string[]) => filters.length === 0 || filters.some((filter) => filter.includes('browser') || /^(\.\/)?e2e\/?$/.test(filter))

/** What e2e/browser/browser.ts reads. Without a browser those tests fail and say how to get one; the others still tell what they know. */
async function browserEnv(): Promise<Record<string, string>> {
  try {
    const { path, certutil, env } = await ensureBrowser({ cacheDir: partsCache(), onProgress: (text) => process.stdout.write(`${text}\n`) })
    return { SHOP_BROWSER: path, SHOP_BROWSER_ENV: JSON.stringify(env), ...(certutil && { SHOP_CERTUTIL: certutil }) }
  } catch (error) {
    return { SHOP_NO_BROWSER: (error as Error).message }
  }
}

/**
 * Everything that follows belongs to a second system: own folder, own ports, own data, from nothing. It is taken down
 * whatever happens, also on Ctrl-C; its logs stay.
 */
async function onOwnSystem(run: () => Promise<number>): Promise<number> {
  const shopDir = testDirOf(process.env)
  const { SHOP_PORT, ...env } = process.env
  // The running system has the block that SHOP_PORT names; this one takes the next.
  Object.assign(process.env, { SHOP_DIR: shopDir }, SHOP_PORT ? { SHOP_PORT: String(Number(SHOP_PORT) + 100) } : {})
  if (shopDirOf(env) === shopDir) throw new Error('The test system would use the running one\'s folder')
  let isInterrupted = false
  const interrupt = () => { isInterrupted = true }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  try {
    await takeDown(shopDir)
    deleteData(shopDir)
    const ready = bringUpInBackground(process.env, [], (text) => process.stdout.write(text))
    const status = await Promise.race([ready, untilTrue(() => isInterrupted)])
    if (status !== 0 || isInterrupted) return status || 130
    return await run()
  } finally {
    await takeDown(shopDir)
  }
}

function untilTrue(isTrue: () => boolean): Promise<number> {
  return new Promise((resolve) => {
    const timer = setInterval(() => { if (isTrue()) { clearInterval(timer); resolve(130) } }, 100)
    timer.unref()
  })
}
