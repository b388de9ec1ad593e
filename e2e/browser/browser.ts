/**
 * The browser that the journeys drive. `npm test` names it (SHOP_BROWSER, SHOP_CERTUTIL); alone, the one on PATH is taken.
 * It verifies the doors' certificates for real: its own certificate database holds the CA that a person would trust.
 */
import { execFileSync } from 'node:child_process'
import { X509Certificate, createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { connect } from 'node:tls'
import { type Browser, chromium } from 'playwright-core'
import { ca, endpoints } from '../shop.ts'

const NO_BROWSER = 'There is no browser: run this with npm test, which brings one, or set SHOP_BROWSER to the program of Chromium or Chrome (Debian: sudo apt-get install chromium libnss3-tools)'

/** Resolves with a browser that closes with everything it wrote. Throws when there is none: these tests are never left out. */
export async function openBrowser(): Promise<Browser> {
  const path = process.env['SHOP_BROWSER'] ?? (process.env['SHOP_NO_BROWSER'] ? undefined : onPath('chromium', 'google-chrome-stable', 'google-chrome'))
  if (!path) throw new Error(process.env['SHOP_NO_BROWSER'] ?? NO_BROWSER)
  const home = mkdtempSync(join(tmpdir(), 'shop-browser-'))
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), XDG_CONFIG_HOME: join(home, 'config'), ...JSON.parse(process.env['SHOP_BROWSER_ENV'] ?? '{}') } as Record<string, string>
  const remove = () => rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  try {
    const certutil = process.env['SHOP_CERTUTIL'] ?? onPath('certutil')
    const args = certutil && process.platform === 'linux' ? trustCa(certutil, home, env) : await trustLeaves()
    const browser = await chromium.launch({ executablePath: path, env, args })
    browser.on('disconnected', remove)
    return browser
  } catch (error) {
    remove()
    throw error
  }
}

function trustCa(certutil: string, home: string, env: Record<string, string>): string[] {
  const database = join(home, '.pki/nssdb')
  mkdirSync(database, { recursive: true })
  execFileSync(certutil, ['-d', `sql:${database}`, '-N', '--empty-password'], { env, stdio: 'pipe' })
  execFileSync(certutil, ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'doors', '-i', endpoints.ca], { env, stdio: 'pipe' })
  return []
}

/** Where browsers have no database of their own: exactly the keys that the doors show to us, whom the CA convinced. */
async function trustLeaves(): Promise<string[]> {
  const doors = [endpoints.web.url, endpoints.identity.issuer, endpoints.psp.url].map((url) => new URL(url))
  const keys = await Promise.all(doors.map(({ hostname, port }) => new Promise<string>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname === '127.0.0.1' ? '' : hostname, ca }, () => {
      const key = new X509Certificate(socket.getPeerCertificate().raw).publicKey.export({ type: 'spki', format: 'der' })
      socket.end()
      resolve(createHash('sha256').update(key).digest('base64'))
    }).once('error', reject)
  })))
  return [`--ignore-certificate-errors-spki-list=${keys.join(',')}`]
}

function onPath(...names: string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => { try { accessSync(path, constants.X_OK); return true } catch { return false } })
}
