/** Attacks that need a real browser to be lost (T1-d, T1-j): text of others never runs, and nobody else's page frames ours. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { address, endpoints, Visitor } from '../shop.ts'
import { openBrowser } from './browser.ts'
import { arrive, journey, type Person, shopUrl } from './person.ts'

let browser: Browser
beforeAll(async () => { browser = await openBrowser() })
afterAll(() => browser?.close())
const it = () => browser

const CANARIES = ['<img src=x onerror=canary()>', '"><svg/onload=canary()>', '</script><script>canary()</script>', '{{constructor.constructor("canary()")()}}', "javascript:canary()//'onfocus=canary() autofocus='"]

/** Says so when text ran. */
async function listen({ context }: Person): Promise<() => number> {
  let sung = 0
  await context.exposeFunction('canary', () => { sung++ })
  return () => sung
}

test('the canary sings where nothing protects', async () => {
  const person = await arrive(browser)
  const sung = await listen(person)
  await person.page.setContent(`<p>${CANARIES[0]}`)
  await expect.poll(sung).toBe(1)
  await person.context.close()
})

journey('T1-d names, addresses and searches are text on every page that shows them', it, async (person) => {
  const { page } = person
  const sung = await listen(person)
  person.mayHear(/status of (400|404)/)
  await person.open('/account')
  await person.register()
  await person.buy('lamp')
  const order = page.url()
  const canary = (i: number) => CANARIES[i % CANARIES.length]!
  const addresses = CANARIES.map((text, i) => ({ ...address, recipient: text, line1: canary(i + 1), line2: canary(i + 2), city: canary(i + 3).slice(0, 60) }))
  const saved = await inPage(person, 'PUT', '/api/profile', { name: CANARIES.slice(0, 2).join(' '), addresses }, await etagOf(person, '/api/profile'))
  expect(saved.status).toBe(200)
  await person.addToCart('lamp')
  for (const path of ['/account', '/checkout']) {
    await person.open(path)
    await page.getByText(CANARIES[0]!).or(page.locator(`input[value^="<img"]`)).first().waitFor()
  }
  await page.getByRole('radio', { name: CANARIES[0]! }).first().check()
  await person.giveCard()
  await person.order()
  await person.headline('Confirmed').waitFor()
  await page.getByText(CANARIES[0]!).first().waitFor()
  await page.getByRole('link', { name: /^Invoice/ }).click()
  await page.getByText(CANARIES[0]!).first().waitFor()
  for (const text of CANARIES) {
    await person.open(`/search?search=${encodeURIComponent(text)}`)
    await person.headline(/^Results for/).waitFor()
    for (const path of [`/${encodeURIComponent(text)}`, `/search?page=${encodeURIComponent(text)}`]) await person.open(path)
  }
  await person.open(`/#${encodeURIComponent(CANARIES.join(''))}`)
  await page.goto(order)
  await page.evaluate((texts) => { for (const text of texts) postMessage({ type: 'payment-token', token: text, hint: text }, '*') }, CANARIES)
  await person.open('/account')
  expect(sung()).toBe(0)
})

journey('T1-d a seller’s words are refused as markup and shown as text', it, async (person) => {
  const { page } = person
  const sung = await listen(person)
  const account = endpoints.users.find(({ username }) => username === 'hanok')!
  const seller = await new Visitor({ certificate: account.certificate!, privateKey: account.privateKey! }).signIn('hanok')
  try {
    const draft = { name: 'Canary cage', description: 'A cage.', category: 'Paper', priceMinor: 990, currency: 'EUR', stock: 3 }
    const create = (changes: object) => seller.send('POST', '/api/seller/products', { ...draft, ...changes }, { 'idempotency-key': randomUUID() })
    for (const text of CANARIES.slice(0, 3)) for (const field of ['name', 'description']) expect((await create({ [field]: text })).status).toBe(400)
    const made = await create({ name: CANARIES[4]!, description: CANARIES.slice(3).join('\n') })
    expect(made.status).toBe(201)
    for (const path of [`/products/${made.json.id}`, `/search?search=${encodeURIComponent('canary')}`]) {
      await person.open(path)
      await page.getByText(CANARIES[4]!).first().waitFor()
    }
    await page.goto(shopUrl(`/pictures/${made.json.id}`))
    await person.open(`/products/${made.json.id}`)
    await page.getByRole('button', { name: 'Add to cart' }).click()
    await page.getByRole('link', { name: 'Go to cart' }).click()
    await page.getByRole('button', { name: /^One more of/ }).click()
    await page.getByRole('region', { name: 'Summary' }).getByText('2 items').waitFor()
    expect(sung()).toBe(0)
    const { headers } = await seller.get(`/api/products/${made.json.id}`)
    await seller.send('PUT', `/api/seller/products/${made.json.id}`, { ...draft, stock: 0 }, { 'if-match': headers.get('etag')! })
  } finally {
    await seller.close()
  }
})

test('T1-j nobody else’s page can frame the shop, the sign-in or the payment field, nor reach the window it opened', async () => {
  const pages = [shopUrl('/'), shopUrl('/checkout'), `${endpoints.identity.issuer}/session/end`, `${endpoints.psp.url}/field?kind=card`]
  const trap = createServer((_req, res) => res.setHeader('content-type', 'text/html').end(`<!doctype html><title>Win a lamp</title>${pages.map((url) => `<iframe src="${url}"></iframe>`).join('')}`))
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  const { context, page } = await arrive(browser)
  try {
    await page.goto(`http://127.0.0.1:${(trap.address() as AddressInfo).port}/`)
    await expect.poll(() => page.frames().length).toBe(pages.length + 1)
    for (const frame of page.frames().slice(1)) {
      await expect.poll(() => frame.url()).toMatch(/^chrome-error:/)
      expect(await frame.locator('form, main').count()).toBe(0)
    }
    const opened = context.waitForEvent('page')
    await page.evaluate((url) => { Object.assign(globalThis, { won: open(url) }) }, shopUrl('/'))
    await (await opened).getByRole('heading', { level: 1 }).waitFor()
    expect(await (await opened).evaluate(() => globalThis.opener === null)).toBe(true)
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { won: Window }).won.closed)).toBe(true)
  } finally {
    await context.close()
    trap.close()
  }
})

/** A change with the page's own session, past the form's checks: what the page would show comes from the shop. */
async function inPage({ page }: Person, method: string, path: string, body: unknown, etag: string): Promise<{ status: number }> {
  return page.evaluate(async ({ method, path, body, etag }) => {
    const { csrfToken } = await (await fetch('/api/session')).json()
    const { status } = await fetch(path, { method, headers: { 'content-type': 'application/json', 'x-csrf-token': csrfToken, 'if-match': etag }, body: JSON.stringify(body) })
    return { status }
  }, { method, path, body, etag })
}

const etagOf = ({ page }: Person, path: string): Promise<string> => page.evaluate(async (path) => (await fetch(path)).headers.get('etag') ?? '', path)
