import { mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testAuthority } from '../backing/test-authority.ts'
import { isDue, keepCertificate } from './certificates.ts'
import type { Pki } from './pki-client.ts'

const DAY_MS = 86_400_000
const own = process.getuid?.() ?? 0
const authority = await testAuthority('tests')
let folder: string
let asked: number
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'certificates-')); asked = 0 })
afterEach(() => rmSync(folder, { recursive: true }))

const pki = {
  async issue({ name }) {
    asked += 1
    const { cert, key } = await authority.issue(name)
    return { certificate: cert, key, roots: authority.ca }
  },
} as Pki
const keep = (roots = authority.ca) => keepCertificate(pki, join(folder, 'tls'), own, { kind: 'backing', name: 'postgres' }, roots)

test('a certificate is kept while it is young, and its files are its owner\'s alone', async () => {
  const first = await keep()
  expect(first.isNew).toBe(true)
  expect(await keep()).toMatchObject({ isNew: false, certificate: first.certificate })
  for (const path of Object.values(first.files)) expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(asked).toBe(1)
})

test('from half-life on, and under another authority, a new one is asked for', async () => {
  const { files } = await keep()
  utimesSync(files.certificate, new Date(), new Date(Date.now() - 8 * DAY_MS)) // issued 8 days ago, 7 to go
  expect((await keep()).isNew).toBe(true)
  expect((await keep((await testAuthority('another')).ca)).isNew).toBe(true)
  expect(asked).toBe(3)
})

test('what cannot be read is due', () => expect(isDue('no certificate', new Date(0), new Date(0))).toBe(true))
