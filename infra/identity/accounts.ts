/** Who may sign in: accounts with a role, made by registration (customers) or from the launch document (demo accounts). */
import { problem, type FieldError, InputInvalid } from '@shop/chassis/problem.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { AccountConfig } from './config.ts'
import { hashPassword, verifyPassword } from './password.ts'

export type Account = { id: string; username: string; name: string; email: string; role: 'customer' | 'seller' | 'staff'; seller: string | null }

export const SignInFailed = problem('sign-in-failed', 400, 'The username or the password is not right', 'Check both and try again', 'AE2')

const COLUMNS = 'id, username, name, email, role, seller'
const USERNAME = /^[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]$/
const PASSWORD_MIN = 12
const PASSWORD_MAX = 128

/** 'Alice ' and 'alice' are one name; so are look-alikes of compatibility (NFKC). */
export const canonicalName = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

export type Registration = { username: string; name: string; email: string; password: string }

/** Pure: what is wrong with each field, or the registration in canonical form. Lengths count characters as people do. */
export function readRegistration(form: Registration): { ok: Registration } | { errors: FieldError[] } {
  const username = canonicalName(form.username)
  const email = form.email.trim().toLowerCase()
  const name = form.name.normalize('NFC').trim()
  const password = form.password.normalize('NFC')
  const length = [...password].length
  const errors: FieldError[] = []
  const say = (field: string, message: string) => errors.push({ field, message })
  if (!USERNAME.test(username)) say('username', 'Use 3 to 32 letters a–z, digits, dots, hyphens or underscores')
  if (name.length < 1 || name.length > 100 || /[\p{Cc}\p{Cs}<>]/u.test(name)) say('name', 'Give a name of 1 to 100 characters')
  if (email.length > 254 || !/^[^\s@"<>]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$/.test(email)) say('email', 'Give an e-mail address like name@example.org')
  if (length < PASSWORD_MIN || length > PASSWORD_MAX) say('password', `Use ${PASSWORD_MIN} to ${PASSWORD_MAX} characters; a sentence works well`)
  else if (!password.isWellFormed()) say('password', 'A character in it cannot be kept')
  else if (username.length >= 3 && password.toLowerCase().includes(username)) say('password', 'Leave your username out of it')
  return errors.length ? { errors } : { ok: { username, name, email, password } }
}

export type Accounts = {
  find(id: string): Promise<Account | undefined>
  /** By certificate: the name on it is proof enough, for the roles that have certificates. */
  findCertified(username: string): Promise<Account | undefined>
  /** Throws sign-in-failed, after the same work and with the same words whether the name is known or not. */
  signIn(username: string, password: string): Promise<Account>
  /**
   * Makes a customer's account. A taken name or address is not told: the answer to a registration never says who is a
   * customer here (S11.1-c). Throws input-invalid.
   */
  register(form: Registration): Promise<void>
  /** Brings a demo account to the configured state. */
  ensure(account: AccountConfig, password: string): Promise<void>
}

export async function createAccounts(store: Store): Promise<Accounts> {
  const nobody = await hashPassword('a password that no account has') // unknown names cost what known ones cost
  const one = async (where: string, value: string) => (await store.query<Account & { password: string }>(`select ${COLUMNS}, password from account where ${where}`, [value])).rows[0]
  const withoutPassword = (row: (Account & { password: string }) | undefined): Account | undefined => {
    if (!row) return undefined
    const { password: _, ...account } = row
    return account
  }
  return {
    find: async (id) => withoutPassword(await one('id = $1', id)),
    findCertified: async (username) => withoutPassword(await one(`role in ('seller', 'staff') and username = $1`, username)),
    async signIn(username, password) {
      const row = await one('username = $1', canonicalName(username))
      const isRight = await verifyPassword(password.slice(0, 4 * PASSWORD_MAX), row?.password ?? nobody)
      const account = withoutPassword(row)
      if (!account || !isRight) throw SignInFailed()
      return account
    },
    async register(form) {
      const checked = readRegistration(form)
      if ('errors' in checked) throw InputInvalid({ errors: checked.errors })
      const { username, name, email, password } = checked.ok
      await store.query(`insert into account (username, name, email, role, password) values ($1, $2, $3, 'customer', $4) on conflict do nothing`, [username, name, email, await hashPassword(password)])
    },
    async ensure({ username, role, seller, name, email }, password) {
      const row = await one('username = $1', username)
      const kept = row && (await verifyPassword(password, row.password)) ? row.password : await hashPassword(password)
      await store.query(
        `insert into account (username, name, email, role, seller, password) values ($1, $2, $3, $4, $5, $6)
         on conflict (username) do update set name = $2, email = $3, role = $4, seller = $5, password = $6`,
        [username, name, email.toLowerCase(), role, seller ?? null, kept])
    },
  }
}
