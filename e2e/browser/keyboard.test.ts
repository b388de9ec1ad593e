import type { Browser, Locator } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { openBrowser } from './browser.ts'
import { journey, type Person } from './person.ts'

let browser: Browser
beforeAll(async () => { browser = await openBrowser() })
afterAll(() => browser?.close())

/** Tab after Tab, as often as it takes and no oftener than a person would bear. */
async function tabTo({ page }: Person, goal: Locator, most = 60): Promise<void> {
  await goal.waitFor()
  for (let i = 0; i < most; i++) {
    if (await goal.evaluate((node) => node.ownerDocument.activeElement === node && node.ownerDocument.hasFocus())) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${goal} is not reached within ${most} presses of Tab; the focus is on ${await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200))}`)
}

async function type(person: Person, goal: Locator, text: string): Promise<void> {
  await tabTo(person, goal)
  await person.page.keyboard.press('ControlOrMeta+A')
  await person.page.keyboard.type(text)
}

async function press(person: Person, goal: Locator, key = 'Enter'): Promise<void> {
  await tabTo(person, goal)
  await person.page.keyboard.press(key)
}

journey('a person buys with the keyboard alone', () => browser, async (person) => {
  const { page } = person
  await page.addInitScript(() => { for (const kind of ['pointerdown', 'mousedown']) addEventListener(kind, () => console.error('a mouse was used'), true) })
  await person.open('/')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter') // skip to the content
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
  await person.register('Mina Park', { press: (goal) => press(person, goal), type: (goal, text) => type(person, goal, text) })
  await type(person, page.getByRole('searchbox', { name: 'Search the shop' }), 'lamp')
  await page.keyboard.press('Enter')
  const found = page.getByRole('main').getByRole('heading', { level: 2 }).getByRole('link').first()
  await page.waitForURL('**/search?*')
  await press(person, found)
  await press(person, page.getByRole('button', { name: 'Add to cart' }))
  await press(person, page.getByRole('link', { name: 'Go to cart' }))
  await press(person, page.getByRole('button', { name: /^One more of/ }))
  await page.getByRole('region', { name: 'Summary' }).getByText('2 items').waitFor()
  expect(await page.getByRole('button', { name: /^One more of/ }).evaluate((node) => node === document.activeElement)).toBe(true) // drawn anew, and still there
  await press(person, page.getByRole('link', { name: 'Go to checkout' }))
  await type(person, page.getByLabel('Recipient'), 'Mina Park')
  await type(person, page.getByLabel('Street and number'), 'Lantern Row 7')
  await type(person, page.getByLabel('Postal code'), '10115')
  await type(person, page.getByLabel('City'), 'Berlin')
  await tabTo(person, page.getByRole('radio', { name: 'Standard' }))
  await page.keyboard.press('ArrowRight')
  expect(await page.getByRole('radio', { name: 'Express' }).isChecked()).toBe(true)
  await type(person, person.field.getByLabel('Card number'), '4242424242424242')
  await type(person, person.field.getByLabel('Expires'), '1234')
  await type(person, person.field.getByLabel('Security code'), '123')
  await press(person, person.field.getByRole('button', { name: 'Use this card' }))
  await page.getByText('Ready to pay').waitFor()
  await press(person, page.getByRole('button', { name: 'Order and pay' }))
  await person.headline('Confirmed').waitFor()
  await press(person, page.getByRole('button', { name: 'Cancel order' }))
  const dialog = page.getByRole('dialog', { name: /^Cancel order/ })
  await dialog.waitFor()
  await page.keyboard.press('Escape') // the way out costs nothing
  await dialog.waitFor({ state: 'hidden' })
  expect(await page.getByRole('button', { name: 'Cancel order' }).evaluate((node) => node === document.activeElement)).toBe(true)
})
