/**
 * What the sandbox takes as card or account, and how each behaves. Test instruments alone: a real number is refused
 * here and kept nowhere.
 */
import { problem, type FieldError } from '@shop/chassis/problem.ts'

export type Method = 'card' | 'bank-account'
/** slow: the effect comes at once, the first answer late. twice: every webhook comes two times. */
export type Behaviour = 'accept' | 'slow' | 'twice' | `decline:${string}`

/** The README and the field page list them. */
export const INSTRUMENTS: { method: Method; number: string; behaviour: Behaviour; says: string }[] = [
  { method: 'card', number: '4242424242424242', behaviour: 'accept', says: 'accepted' },
  { method: 'card', number: '5555555555554444', behaviour: 'accept', says: 'accepted' },
  { method: 'card', number: '4000000000000002', behaviour: 'decline:card-declined', says: 'declined' },
  { method: 'card', number: '4000000000009995', behaviour: 'decline:insufficient-funds', says: 'declined: insufficient funds' },
  { method: 'card', number: '4000000000001232', behaviour: 'slow', says: 'accepted, but the answer is late' },
  { method: 'card', number: '4000000000002222', behaviour: 'twice', says: 'accepted, every notice comes twice' },
  { method: 'bank-account', number: 'DE89370400440532013000', behaviour: 'accept', says: 'accepted, settles some seconds after capture' },
  { method: 'bank-account', number: 'AT611904300234573201', behaviour: 'twice', says: 'the same, every notice comes twice' },
  { method: 'bank-account', number: 'NL91ABNA0417164300', behaviour: 'decline:account-closed', says: 'declined: account closed' },
]

export const InstrumentRefused = problem('instrument-refused', 422, 'This cannot be used to pay', 'Mend the fields named in errors')

/** ISO/IEC 7812-1 annex B. */
export function isLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return digits.length > 0 && sum % 10 === 0
}

/** ISO 13616-1: the remainder by 97 is 1 when country and check digits go last and letters count from 10. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false
  let rest = 0
  for (const c of text.slice(4) + text.slice(0, 4)) rest = Number(`${rest}${parseInt(c, 36)}`) % 97
  return rest === 1
}

/** A card is good through the last day of its month (UTC here). 'MM/YY'. */
export function isUnexpired(expiry: string, now: Date): boolean {
  const [month, year] = expiry.split('/').map(Number) as [number, number]
  return month >= 1 && month <= 12 && Date.UTC(2000 + year, month, 1) > now.getTime() && 2000 + year <= now.getUTCFullYear() + 20
}

export type Instrument = { kind: 'card'; number: string; expiry: string; cvc: string } | { kind: 'bank-account'; iban: string; holder: string }

/** Pure. Spaces in numbers do not count. Throws instrument-refused naming each field. */
export function readInstrument(given: Instrument, now: Date): { method: Method; behaviour: Behaviour; hint: string } {
  const errors: FieldError[] = []
  const number = (given.kind === 'card' ? given.number : given.iban).replaceAll(' ', '').toUpperCase()
  const field = given.kind === 'card' ? 'body.number' : 'body.iban'
  if (given.kind === 'card') {
    if (!/^\d{13,19}$/.test(number) || !isLuhn(number)) errors.push({ field, message: 'is not a card number; look for a wrong digit' })
    if (!isUnexpired(given.expiry, now)) errors.push({ field: 'body.expiry', message: 'is past, or no month' })
  } else if (!isIban(number)) errors.push({ field, message: 'is not an IBAN; look for a wrong character' })
  const known = INSTRUMENTS.find((i) => i.method === given.kind && i.number === number)
  if (!known && !errors.some((e) => e.field === field)) errors.push({ field, message: 'is not a test number; this sandbox takes no real ones' })
  if (!known || errors.length) throw InstrumentRefused({ errors })
  return { method: known.method, behaviour: known.behaviour, hint: `•••• ${number.slice(-4)}` }
}
