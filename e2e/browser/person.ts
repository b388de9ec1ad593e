/** A person at a screen: what they do, by the words they read; and a witness of everything that their browser says meanwhile. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Browser, BrowserContext, Frame, FrameLocator, Locator, Page, Request } from 'playwright-core'
import { expect, test } from 'vitest'
import { endpoints, endpointsFile } from '../shop.ts'

const origins = { web: new URL(endpoints.web.url).origin, identity: new URL(endpoints.identity.issuer).origin, psp: new URL(endpoints.psp.url).origin }
export const shopUrl = (path: string): string => origins.web + path

export const CARD = { good: '4242 4242 4242 4242', declined: '4000 0000 0000 0002' }
export const IBAN = 'DE89 3704 0044 0532 0130 00'

export type Hands = { press(goal: Locator): Promise<void>; type(goal: Locator, text: string): Promise<void> }
const MOUSE: Hands = { press: (goal) => goal.click(), type: (goal, text) => goal.fill(text) }

export type Screen = { width?: number; scheme?: 'light' | 'dark' }

/** Undefined for the first page of a window that is only opening. */
function frameOf(request: Request): Frame | undefined {
  try { return request.frame() } catch { return undefined }
}

/** The shop and the sign-in ask nobody but themselves; the provider is asked by its own frame alone. */
function isAllowed(request: Request): boolean {
  const { origin } = new URL(request.url())
  const frame = frameOf(request)
  const isAtHome = request.isNavigationRequest() || new URL(frame!.url()).origin === origin
  const isFramed = Boolean(frame?.parentFrame())
  return isAtHome && (isFramed ? origin === origins.psp : origin === origins.web || origin === origins.identity)
}

export class Person {
  readonly context: BrowserContext
  readonly page: Page
  /** What went wrong and was not announced with `mayHear`. */
  readonly witnessed: string[] = []
  readonly #expected: RegExp[] = []

  constructor(context: BrowserContext, page: Page) {
    this.context = context
    this.page = page
    context.on('console', (message) => { if (message.type() === 'error' && !this.#expected.some((e) => e.test(message.text()))) this.witnessed.push(`console: ${message.text()} (${message.location().url})`) })
    context.on('weberror', (error) => { this.witnessed.push(`script: ${error.error().stack}`) })
    context.on('dialog', (dialog) => { this.witnessed.push(`dialog: ${dialog.message()}`); void dialog.dismiss() })
    context.on('request', (request) => { if (!isAllowed(request)) this.witnessed.push(`request: ${request.method()} ${request.url()} from ${frameOf(request)?.url()}`) })
  }

  /** Console errors that belong to the story: browsers log every refused request. */
  mayHear(...expected: RegExp[]): void { this.#expected.push(...expected) }

  open = (path: string) => this.page.goto(shopUrl(path))

  /** `hands`: how links and buttons are pressed and fields filled; with the mouse unless told otherwise. */
  async signIn(username: string, password = endpoints.users.find((u) => u.username === username)!.password, { press, type }: Hands = MOUSE): Promise<void> {
    const { page } = this
    if (!page.url().startsWith(origins.identity)) await press(page.getByRole('link', { name: 'Sign in' }))
    await type(page.getByLabel('Username'), username)
    await type(page.getByLabel('Password'), password)
    await press(page.getByRole('button', { name: 'Sign in', exact: true }))
    await page.waitForURL(`${origins.web}/**`)
  }

  /** A new customer, signed in. */
  async register(name = 'Mina Park', hands: Hands = MOUSE): Promise<{ username: string; password: string }> {
    const { page } = this
    const { press, type } = hands
    const account = { username: `guest-${randomUUID().slice(0, 8)}`, password: 'lanterns over the river' }
    if (!page.url().startsWith(origins.identity)) await press(page.getByRole('link', { name: 'Sign in' }))
    await press(page.getByRole('link', { name: 'Create an account' }))
    await type(page.getByLabel('Username'), account.username)
    await type(page.getByLabel('Your name'), name)
    await type(page.getByLabel('E-mail'), `${account.username}@example.com`)
    await type(page.getByLabel('Password'), account.password)
    await press(page.getByRole('button', { name: 'Create account' }))
    // Whether the name was free is not said before the password is: they sign in with what they have chosen.
    await page.getByText('Now sign in with your new account').waitFor()
    await this.signIn(account.username, account.password, hands)
    return account
  }

  /** Puts the first thing that a search finds into the cart; its name. */
  async addToCart(search: string): Promise<string> {
    const { page } = this
    await page.getByRole('searchbox', { name: 'Search the shop' }).fill(search)
    await page.getByRole('searchbox', { name: 'Search the shop' }).press('Enter')
    const found = page.getByRole('main').getByRole('listitem').filter({ hasNotText: 'Sold out' }).getByRole('heading').getByRole('link').first()
    const name = await found.innerText()
    await found.click()
    await page.getByRole('button', { name: 'Add to cart' }).click()
    await page.getByRole('status').getByText('Added to your cart').waitFor()
    return name
  }

  async fillAddress(recipient = 'Mina Park'): Promise<void> {
    const { page } = this
    await page.getByLabel('Recipient').fill(recipient)
    await page.getByLabel('Street and number').fill('Lantern Row 7')
    await page.getByLabel('Postal code').fill('10115')
    await page.getByLabel('City').fill('Berlin')
    await page.getByLabel('Country').selectOption({ label: 'Germany' })
  }

  get field(): FrameLocator { return this.page.frameLocator('iframe[title="Payment details, at the payment provider"]') }

  async giveCard(number = CARD.good): Promise<void> {
    await this.typeCard(number)
    await this.page.getByText('Ready to pay').waitFor()
  }

  async typeCard(number: string): Promise<void> {
    await this.field.getByLabel('Card number').fill(number)
    await this.field.getByLabel('Expires').fill('12/34')
    await this.field.getByLabel('Security code').fill('123')
    await this.field.getByRole('button', { name: 'Use this card' }).click()
  }

  async giveAccount(): Promise<void> {
    await this.page.getByRole('radio', { name: 'Bank account' }).check()
    await this.field.getByLabel('IBAN').fill(IBAN)
    await this.field.getByLabel('Account holder').fill('Mina Park')
    await this.field.getByRole('button', { name: 'Use this account' }).click()
    await this.page.getByText('Ready to pay').waitFor()
  }

  /** Presses the button and arrives at the order's page. */
  async order(): Promise<void> {
    await this.page.getByRole('button', { name: 'Order and pay' }).click()
    await this.page.waitForURL(/\/orders\/[0-9a-f-]{36}$/)
  }

  /** The order's state as its headline says it; the page is never reloaded for it. */
  headline = (text: string | RegExp): Locator => this.page.getByRole('heading', { level: 1, name: text })

  /** From a product to an order's page that says it is confirmed. */
  async buy(search: string): Promise<void> {
    await this.addToCart(search)
    await this.open('/checkout')
    if (await this.page.getByLabel('Recipient').isVisible()) await this.fillAddress()
    await this.giveCard()
    await this.order()
    await this.headline('Confirmed').waitFor()
  }
}

/** One test of one person at one screen. Afterwards nothing may have been said on the console, and nobody else asked. */
export function journey(title: string, browser: () => Browser, run: (person: Person) => Promise<void>, screen: Screen = {}): void {
  test(title, async () => {
    const person = await arrive(browser(), screen)
    try {
      await run(person)
      expect(person.witnessed).toEqual([])
    } catch (error) {
      await keepPicture(person, title)
      throw error
    } finally {
      await person.context.close()
    }
  })
}

export async function arrive(browser: Browser, { width = 1440, scheme = 'light' }: Screen = {}): Promise<Person> {
  const isPhone = width < 600
  const context = await browser.newContext({ viewport: { width, height: isPhone ? 844 : 900 }, hasTouch: isPhone, isMobile: isPhone, colorScheme: scheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Berlin' })
  context.setDefaultTimeout(20_000)
  return new Person(context, await context.newPage())
}

/** What was on the screen when a journey failed, beside the system's logs. */
async function keepPicture({ page, witnessed }: Person, title: string): Promise<void> {
  const path = join(dirname(endpointsFile), 'browser', `${title.replaceAll(/\W+/g, '-')}.png`)
  mkdirSync(dirname(path), { recursive: true })
  await page.screenshot({ path }).catch(() => {})
  process.stderr.write(`${title}: at ${page.url()}, screen in ${path}${witnessed.length ? `, witnessed ${witnessed.join('; ')}` : ''}\n`)
}
