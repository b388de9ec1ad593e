import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { openBrowser } from './browser.ts'
import { journey, shopUrl } from './person.ts'

let browser: Browser
beforeAll(async () => { browser = await openBrowser() })
afterAll(() => browser?.close())
const it = () => browser

describe('a person has an account', () => {
  journey('made by themselves, with an address that the next checkout knows', it, async (person) => {
    const { page } = person
    await person.open('/account')
    const account = await person.register('Mina Park')
    expect(new URL(page.url()).pathname).toBe('/account')
    expect(await page.getByLabel('Your name').inputValue()).toBe('Mina Park')
    await page.getByRole('button', { name: 'Add an address' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Enter street and house number').waitFor() // nothing was typed yet
    await person.fillAddress()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('status').getByText('Saved').waitFor()
    await page.getByText('Mina Park', { exact: true }).first().click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await person.signIn(account.username, account.password)
    await person.addToCart('lamp')
    await person.open('/checkout')
    expect(await page.getByRole('radio', { name: /Lantern Row 7/ }).isChecked()).toBe(true)
  })

  journey('and is told when the password is wrong', it, async (person) => {
    const { page } = person
    person.mayHear(/status of 400/)
    await person.open('/')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Username').fill('bob')
    await page.getByLabel('Password').fill('not the password')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('alert').waitFor()
    await page.getByRole('button', { name: 'Back to the shop without signing in' }).click()
    await page.waitForURL(shopUrl('/**'))
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })

  journey('beside the session of a second checkout on the same host', it, async (person) => {
    const { page, context } = person
    const ours = async () => (await context.cookies(shopUrl('/'))).filter(({ name }) => name.endsWith('-session'))
    await person.open('/cart')
    await person.addToCart('lamp')
    const [session] = await ours()
    // Cookies know no ports: only the checkout's id in the name keeps two shops of one machine apart.
    expect(session!.name).toMatch(/^__Host-[a-z]+-[0-9a-f]{6}-session$/)
    const other = { ...session!, name: session!.name.replace(/-[0-9a-f]{6}-/, '-0ther1-'), value: 'of-the-other-shop' }
    await context.addCookies([other])
    await person.register()
    await person.open('/cart')
    await page.getByRole('button', { name: /^Remove/ }).waitFor()
    await page.getByText('Mina Park').click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect((await ours()).find(({ name }) => name === other.name)?.value).toBe('of-the-other-shop')
    const names = (await context.cookies()).map(({ name }) => name)
    expect(names.filter((name) => !/^__(Host|Secure)-[a-z]+-(0ther1|[0-9a-f]{6})-/.test(name))).toEqual([])
  })
})

describe('a seller', () => {
  journey('edits a product, and sees what a colleague saved meanwhile', it, async (person) => {
    const { page, context } = person
    person.mayHear(/status of 412/)
    await person.open('/seller')
    await person.signIn('kopi')
    await page.getByRole('main').getByRole('listitem').first().getByRole('heading').getByRole('link').click()
    const url = page.url()
    const stock = Number(await page.getByLabel('In stock').inputValue())
    const colleague = await context.newPage()
    await colleague.goto(url)
    await colleague.getByLabel('In stock').fill(String(stock + 5))
    await colleague.getByRole('button', { name: 'Save changes' }).click()
    await colleague.getByRole('status').getByText('Saved').waitFor()
    await page.getByLabel('In stock').fill(String(stock + 1))
    await page.getByRole('button', { name: 'Save changes' }).click()
    const conflict = page.getByRole('alert').filter({ hasText: 'Somebody changed this product meanwhile' })
    const row = conflict.getByRole('row').filter({ hasText: 'In stock' })
    await row.waitFor()
    expect(await row.getByRole('cell').allInnerTexts()).toEqual([String(stock + 5), String(stock + 1)])
    await conflict.getByRole('button', { name: 'Take theirs' }).click()
    expect(await page.getByLabel('In stock').inputValue()).toBe(String(stock + 5))
    await page.getByLabel('In stock').fill(String(stock))
    await page.getByRole('button', { name: 'Save changes' }).click()
    await page.getByRole('status').getByText('Saved').waitFor()
    await page.reload()
    expect(await page.getByLabel('In stock').inputValue()).toBe(String(stock))
  })

  journey('is the only one who sees the seller’s pages', it, async (person) => {
    person.mayHear(/status of 403/)
    await person.open('/')
    await person.register()
    expect((await person.open('/seller'))?.status()).toBe(403)
    await person.headline('That is not open to you').waitFor()
  })
})
