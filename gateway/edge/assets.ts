/** The storefront's files, read once at start: nothing a request says ever becomes a file name. */
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Answer, EdgeCall } from './call.ts'
import { isKnown } from './is-known.ts'

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon',
  '.webp': 'image/webp', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8', '.webmanifest': 'application/manifest+json',
}
/** Asked for by name, without a page that says so. */
const AT_ROOT = new Set(['favicon.ico', 'robots.txt'])

export type Assets = {
  has(path: string): boolean
  answer(call: EdgeCall, path: string): Answer
  /** The address of a file that a cache may keep for ever. Throws for a file that is not there. */
  url(name: string): string
}

export function readAssets(folder: URL): Assets {
  const files = new Map<string, { body: Buffer; type: string; tag: string }>()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const type = TYPES[extname(name)]
    if (!type || !/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new Error(`storefront/assets/${name} has no known type or a strange name`)
    const body = readFileSync(new URL(name, folder))
    const file = { body, type, tag: hash('sha256', body, 'base64url').slice(0, 16) }
    files.set(`/assets/${name}`, file)
    if (AT_ROOT.has(name)) files.set(`/${name}`, file)
  }
  return {
    // Looked up only where a file can be: a Map interns each new path that it is asked for.
    has: (path) => (path.startsWith('/assets/') || !path.includes('/', 1)) && files.has(path),
    answer(call, path) {
      const { body, type, tag } = files.get(path)!
      const headers = { 'content-type': type, etag: `"${tag}"`, 'cache-control': call.query === `v=${tag}` ? 'public, max-age=31536000, immutable' : 'public, no-cache' }
      return isKnown(call.header('if-none-match'), headers.etag) ? { status: 304, headers } : { status: 200, headers, body }
    },
    url(name) {
      const file = files.get(`/assets/${name}`)
      if (!file) throw new Error(`storefront/assets/${name} is not there`)
      return `/assets/${name}?v=${file.tag}`
    },
  }
}
