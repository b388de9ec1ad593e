/** `node e2e/browser/screenshots.ts`: takes the README's pictures of the running shop, into docs/screenshots. */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { arrive, type Person } from './person.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const MOST_BYTES = 400_000
const MOST_HEIGHT = 1800
/** Pages of many pictures would weigh too much. */
const LIST_HEIGHT = 1250

mkdirSync(folder, { recursive: true })
const browser = await openBrowser()
try {
  for (const width of [390, 1440]) await takeSet(width)
} finally {
  await browser.close()
}

/** One customer and one seller, and what they see on the way. */
async function takeSet(width: number): Promise<void> {
  const take = (page: Page, name: string, most = MOST_HEIGHT) => takePicture(page, `${name}-${width}`, width > 600 ? most : MOST_HEIGHT)
  const person = await arrive(browser, { width })
  const { page } = person
  await person.open('/')
  await take(page, 'home', LIST_HEIGHT)
  await person.open('/search?search=lamp')
  await take(page, 'search', LIST_HEIGHT)
  await page.getByRole('main').getByRole('heading', { level: 2 }).getByRole('link').first().click()
  await page.getByRole('button', { name: 'Add to cart' }).waitFor()
  await take(page, 'product', LIST_HEIGHT)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Password').waitFor()
  await take(page, 'sign-in')
  await person.register('Mina Park')
  for (const search of ['lamp', 'tea', 'blanket']) await person.addToCart(search)
  await person.open('/cart')
  await take(page, 'cart')
  await person.open('/checkout')
  await person.fillAddress()
  await person.field.getByLabel('Card number').waitFor()
  await take(page, 'checkout')
  await person.giveCard()
  await page.getByRole('radio', { name: 'Express' }).check()
  await person.order()
  await person.headline('Handed to the carrier').or(person.headline('On its way')).waitFor({ timeout: 60_000 })
  await take(page, 'order')
  await page.getByRole('link', { name: /^Invoice/ }).click()
  await page.getByRole('heading', { name: /^Invoice/ }).waitFor()
  await take(page, 'invoice')
  await person.open('/account')
  await take(page, 'account')
  await page.emulateMedia({ colorScheme: 'dark' })
  await person.open('/')
  await take(page, 'home-dark', LIST_HEIGHT)
  await finish(person)

  const seller = await arrive(browser, { width })
  await seller.open('/seller')
  await seller.signIn('hanok')
  await take(seller.page, 'seller')
  await finish(seller)
}

async function takePicture(page: Page, name: string, most: number): Promise<void> {
  // Pictures load as they come into view: the whole page has to have been seen once.
  const before = page.viewportSize()!
  const height = Math.min(most, await page.evaluate(() => document.documentElement.scrollHeight))
  await page.setViewportSize({ width: before.width, height })
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await page.waitForFunction(() => [...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight).every((i) => i.complete))
  const path = join(folder, `${name}.png`)
  await page.screenshot({ path, scale: 'css' })
  await page.setViewportSize(before)
  const { size } = statSync(path)
  if (size > MOST_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${MOST_BYTES}`)
}

async function finish({ context, witnessed }: Person): Promise<void> {
  await context.close()
  if (witnessed.length > 0) throw new Error(witnessed.join('\n'))
}
