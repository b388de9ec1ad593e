/** Every page, narrow and wide, light and dark: axe finds nothing, and nothing is wider than the screen. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { arrive, CARD, journey, type Person } from './person.ts'

let browser: Browser
beforeAll(async () => { browser = await openBrowser() })
afterAll(() => browser?.close())
const it = () => browser

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** What the scheme changes is colours alone. */
const COLOURS = ['color-contrast', 'link-in-text-block']
type Found = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }

/** Without `rules`: all of them. */
async function violations(frame: Frame, rules?: string[]): Promise<string[]> {
  await frame.evaluate(`globalThis.axe ?? (() => { ${AXE} })()`)
  const options = { iframes: false, resultTypes: ['violations'], ...(rules && { runOnly: rules }) }
  const { violations } = await frame.evaluate((options) => (globalThis as unknown as { axe: { run(options: object): Promise<Found> } }).axe.run(options), options)
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} (${failureSummary.replaceAll(/\s+/g, ' ').slice(0, 240)})`))
}

/** What nobody sees is not judged: browsers hardly let a hidden frame run. */
async function shownFrames(page: Page): Promise<Frame[]> {
  const shown = [page.mainFrame()]
  for (const frame of page.mainFrame().childFrames()) if (await frame.frameElement().then((element) => element.isVisible())) shown.push(frame)
  return shown
}

/** Judges the page that is open, with its frames. */
async function judge({ page }: Person, name: string): Promise<void> {
  const found: string[] = []
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    if (wide > width) found.push(`${name} ${width}: ${wide} px wide`)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const frame of await shownFrames(page)) found.push(...(await violations(frame, colorScheme === 'dark' ? COLOURS : undefined)).map((text) => `${name} ${width} ${colorScheme}: ${text}`))
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  expect.soft(found).toEqual([])
}

test('the judge sees what is wrong', async () => {
  const { context, page } = await arrive(browser)
  await page.setContent('<html lang="en"><title>Bad</title><main><h1>Bad</h1><img src="x"><p style="color: #aaa">pale</p></main>')
  expect((await violations(page.mainFrame())).map((text) => text.split(':')[0])).toEqual(expect.arrayContaining(['image-alt', 'color-contrast']))
  await context.close()
})

journey('what a visitor sees', it, async (person) => {
  const { page } = person
  person.mayHear(/status of (400|404)/)
  await person.open('/')
  await person.addToCart('lamp')
  await judge(person, 'product')
  for (const path of ['/', '/search', '/search?search=lamp', '/search?search=zzzz', '/cart', '/not-there']) await person.open(path).then(() => judge(person, path))
  await person.open('/')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Password').waitFor()
  await judge(person, 'sign-in')
  await page.getByRole('link', { name: 'Create an account' }).click()
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('alert').waitFor()
  await judge(person, 'register')
})

journey('what a customer sees', it, async (person) => {
  const { page } = person
  await person.open('/orders')
  await person.register()
  await judge(person, 'no orders')
  await person.open('/cart').then(() => judge(person, 'empty cart'))
  await person.addToCart('lamp')
  await person.open('/checkout')
  await person.field.getByRole('button', { name: 'Use this card' }).click()
  await person.field.getByText('Please fill this in').first().waitFor()
  await judge(person, 'checkout by card')
  await person.fillAddress()
  await person.giveAccount()
  await judge(person, 'checkout, ready')
  await person.order()
  await person.headline('Confirmed').waitFor()
  await judge(person, 'order')
  await page.getByRole('button', { name: 'Cancel order' }).click()
  await page.getByRole('dialog').waitFor()
  await judge(person, 'order, dialog')
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: /^Invoice/ }).click()
  await judge(person, 'invoice')
  await person.open('/account').then(() => judge(person, 'account'))
  await person.addToCart('lamp')
  await person.open('/checkout')
  await person.giveCard(CARD.declined)
  await person.order()
  await page.getByRole('heading', { name: 'Your payment was declined' }).waitFor()
  await judge(person, 'declined order')
  await person.open('/orders').then(() => judge(person, 'orders'))
})

journey('what a seller sees', it, async (person) => {
  await person.open('/seller')
  await person.signIn('lumen')
  await judge(person, 'products')
  await person.page.getByRole('main').getByRole('listitem').first().getByRole('link').click()
  await person.page.getByRole('button', { name: 'Save changes' }).waitFor()
  await judge(person, 'product')
  await person.open('/seller/new')
  await person.page.getByRole('button', { name: 'Offer it' }).click()
  await person.page.getByText('Enter 2 to 80 characters').waitFor()
  await judge(person, 'new product')
})
