/**
 * Passwords: argon2id at OWASP's 19 MiB, t=2, p=1, kept as PHC strings.
 *
 * Hashing runs on libuv's four threads, which also serve DNS and files: two at a time, a short queue, then refusal,
 * so that a flood of sign-ins cannot starve the process (S11.3).
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Unavailable } from '@shop/chassis/problem.ts'

const hashWith = promisify(argon2)
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const MAX_PARALLEL = 2
const MAX_WAITING = 64

let running = 0
const waiting: (() => void)[] = []

async function bounded<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAX_PARALLEL) {
    if (waiting.length >= MAX_WAITING) throw Unavailable({ detail: 'Too many sign-ins at once', headers: { 'retry-after': '5' } })
    await new Promise<void>((resolve) => waiting.push(resolve)) // the one that ends hands its place over
  } else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

/** The same characters, typed on any keyboard, are the same bytes (NIST SP 800-63B §3.1.1.2: normalize before hashing). */
const bytesOf = (password: string) => Buffer.from(password.normalize('NFC'), 'utf8')

const derive = (password: string, nonce: Buffer, cost = COST) => bounded(() => hashWith('argon2id', { message: bytesOf(password), nonce, tagLength: 32, ...cost }))

export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const hash = await derive(password, salt)
  const plain = (b: Uint8Array) => Buffer.from(b).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${plain(salt)}$${plain(hash)}`
}

/** Costs the same for a wrong password. Throws on a string that is no PHC string of ours. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(phc)
  if (!match) throw new Error('a stored password is not an argon2id PHC string')
  const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number]
  const expected = Buffer.from(match[5]!, 'base64')
  const actual = await derive(password, Buffer.from(match[4]!, 'base64'), { memory, passes, parallelism })
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
