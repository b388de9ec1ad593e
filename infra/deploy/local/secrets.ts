/** Secrets of this checkout: made once, kept in one file that only the runner's user reads. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readOwn, writeWhole } from './files.ts'

export const randomKey = () => randomBytes(32).toString('base64url')

const SYLLABLES = ['ba', 'be', 'bo', 'da', 'di', 'do', 'fa', 'fi', 'fu', 'ga', 'go', 'ka', 'ki', 'ko', 'la', 'le', 'li', 'lo', 'lu', 'ma', 'me', 'mi', 'mo', 'na', 'ne', 'ni', 'no', 'pa', 'pe', 'pi', 'po', 'ra', 're', 'ri', 'ro', 'sa', 'se', 'si', 'so', 'ta', 'te', 'ti', 'to', 'tu', 'va', 've', 'vi', 'wa', 'za', 'zo']

/** A passphrase that a person can read out and type: 12 syllables of 50, about 67 bits. */
const passphrase = () => Array.from({ length: 4 }, () => Array.from({ length: 3 }, () => SYLLABLES[randomInt(SYLLABLES.length)]).join('')).join('-')

/** How a secret of that name is made: people type passwords, Consul takes UUIDs and a key in plain base64. */
function make(name: string): string {
  if (name.startsWith('password:')) return passphrase()
  if (name === 'consul-gossip') return randomBytes(32).toString('base64')
  return name.startsWith('consul-') ? randomUUID() : randomKey()
}

/** Answers the secret of a name, made when it is first asked for. */
export function openSecrets(shopDir: string): (name: string) => string {
  const path = join(shopDir, 'secrets.json')
  const known: Record<string, string> = existsSync(path) ? z.record(z.string(), z.string()).parse(readOwn(path, 'npm run reset makes new ones; the data go with them.')) : {}
  return (name) => {
    if (known[name] === undefined) {
      known[name] = make(name)
      writeWhole(path, JSON.stringify(known, null, 2))
    }
    return known[name]
  }
}
