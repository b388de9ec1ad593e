import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { openBrowser } from './browser.ts'
import { CARD, journey } from './person.ts'

let browser: Browser
beforeAll(async () => { browser = await openBrowser() })
afterAll(() => browser?.close())
const it = () => browser

describe('a person buys', () => {
  journey('by card: found, signed in on the way, followed live to parcel and invoice', it, async (person) => {
    const { page } = person
    await person.open('/')
    const name = await person.addToCart('lamp')
    await page.getByRole('link', { name: 'Go to cart' }).click()
    await page.getByRole('link', { name: 'Sign in and check out' }).click()
    await person.register()
    expect(new URL(page.url()).pathname).toBe('/checkout')
    await page.getByRole('region', { name: 'Your order' }).getByText(name).waitFor()
    await person.fillAddress()
    await person.giveCard()
    await person.order()
    await person.headline('Confirmed').waitFor()
    await page.getByRole('region', { name: 'Parcel' }).getByText('Bill of lading').waitFor()
    const invoice = page.getByRole('region', { name: 'Payment' }).getByRole('link', { name: /^Invoice \d{4}-\d{6}$/ })
    await invoice.waitFor()
    expect(await page.getByRole('region', { name: 'Payment' }).innerText()).toContain('Charged')
    await invoice.click()
    await page.getByRole('heading', { level: 1, name: /^Invoice/ }).waitFor()
    await page.getByRole('rowheader', { name }).waitFor()
    await page.getByRole('button', { name: 'Print' }).waitFor()
    await page.emulateMedia({ media: 'print' })
    expect(await page.getByRole('banner').isVisible()).toBe(false)
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false)
    expect(await page.getByRole('heading', { level: 1 }).isVisible()).toBe(true)
    expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-')
  })

  journey('by bank account, express, to an address kept for next time', it, async (person) => {
    const { page } = person
    await person.open('/')
    await person.register()
    await person.addToCart('cup')
    await person.open('/checkout')
    await person.fillAddress()
    await page.getByRole('radio', { name: 'Express' }).check()
    await person.giveAccount()
    await person.order()
    await person.headline('Confirmed').waitFor()
    await page.getByText('Express delivery').waitFor()
    await page.getByRole('region', { name: 'Payment' }).getByText('Bank account').waitFor()
    // A page that nobody reloads shows the carrier coming.
    await person.headline('Handed to the carrier').or(person.headline('On its way')).waitFor()
    expect(await page.getByRole('button', { name: 'Cancel order' }).isVisible()).toBe(false)
    await person.addToCart('cup')
    await person.open('/checkout')
    expect(await page.getByRole('radio', { name: /Lantern Row 7/ }).isChecked()).toBe(true)
  })

  journey('with another card after the first was declined', it, async (person) => {
    const { page } = person
    person.mayHear(/status of 422/)
    await person.open('/')
    await person.register()
    const name = await person.addToCart('notebook')
    await person.open('/checkout')
    await person.fillAddress()
    await person.typeCard('4242 4242 4242 4243')
    await person.field.getByText('This is not a card number').waitFor()
    expect(await page.getByRole('button', { name: 'Order and pay' }).isEnabled()).toBe(false)
    await person.giveCard(CARD.declined)
    await person.order()
    await page.getByRole('heading', { name: 'Your payment was declined' }).waitFor()
    await page.getByText('Nothing was charged.').waitFor()
    await page.getByRole('button', { name: 'Try another card' }).click()
    await page.waitForURL('**/checkout')
    await page.getByRole('region', { name: 'Your order' }).getByText(name).waitFor()
    await person.giveCard()
    await person.order()
    await person.headline('Confirmed').waitFor()
    await page.getByRole('link', { name: 'Your orders' }).first().click()
    await page.getByText('Not completed').waitFor()
    await page.getByText('Confirmed').waitFor()
  })

  journey('and changes their mind: asked once, cancelled, refunded', it, async (person) => {
    const { page } = person
    await person.open('/')
    await person.register()
    await person.buy('tea')
    await page.getByRole('button', { name: 'Cancel order' }).click()
    const dialog = page.getByRole('dialog', { name: /^Cancel order/ })
    await dialog.getByRole('button', { name: 'Keep the order' }).click()
    await dialog.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Cancel order' }).click()
    await dialog.getByRole('button', { name: 'Cancel the order' }).click()
    await page.getByRole('heading', { name: 'You cancelled this order' }).waitFor()
    await page.getByRole('region', { name: 'Payment' }).getByText('Refunded', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Cancel order' }).isVisible()).toBe(false)
  })

  journey('with a cart begun before signing in, beside what was in it already', it, async (person) => {
    const { page } = person
    await person.open('/')
    const account = await person.register()
    const first = await person.addToCart('lamp')
    await page.getByText('Mina Park').click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    await person.open('/cart')
    await page.getByRole('heading', { name: 'Your cart is empty' }).waitFor()
    const second = await person.addToCart('blanket')
    await person.open('/cart')
    await page.getByRole('link', { name: 'Sign in and check out' }).click()
    await person.signIn(account.username, account.password)
    const summary = page.getByRole('region', { name: 'Your order' })
    for (const name of [first, second]) await summary.getByText(name).waitFor()
  })

  journey('on a phone', it, async (person) => {
    const { page } = person
    await person.open('/')
    await person.register()
    await person.addToCart('bag')
    await page.getByRole('link', { name: /^Cart/ }).tap()
    await page.getByRole('button', { name: /^One more of/ }).tap()
    await page.getByRole('status').or(page.getByRole('region', { name: 'Summary' })).getByText('2 items').waitFor()
    await page.getByRole('link', { name: 'Go to checkout' }).tap()
    await person.fillAddress()
    await person.giveCard()
    await page.getByRole('button', { name: 'Order and pay' }).tap()
    await person.headline('Confirmed').waitFor()
  }, { width: 390 })
})
