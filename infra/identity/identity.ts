/** The identity provider without its process: main.ts and the tests give it a store, a vault and certificates. */
import type https from 'node:https'
import type { Names } from '@shop/chassis/launch.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { VaultClient } from '@shop/chassis/vault-client.ts'
import { createAccounts, type Accounts } from './accounts.ts'
import { createAdapter } from './adapter.ts'
import { certificateReader } from './client-certificate.ts'
import type { Config } from './config.ts'
import { createDoor } from './door.ts'
import { addressOf, reportRefusals } from './events.ts'
import { createInteractions } from './interaction.ts'
import { createPages } from './pages.ts'
import { createProvider } from './provider.ts'
import { deriveKey } from './seal.ts'
import { ensureKeys, keepKeysFresh } from './signing-keys.ts'
import { createThrottle } from './throttle.ts'

export type IdentityParts = {
  config: Config
  names: Names
  /** PEM. */
  meshRoots: string
  doorKey: string
  cookieKey: string
  store: Store
  vault: VaultClient
  report: Report
  log: Logger
}

/** `server` is not listening yet. */
export async function createIdentity({ config, names, meshRoots, doorKey, cookieKey, store, vault, report, log }: IdentityParts): Promise<{ server: https.Server; accounts: Accounts; close(): Promise<void> }> {
  const shop = new URL(config.edge.redirectUris[0]!).origin
  const bearerOf = certificateReader(meshRoots, config.userRoots)
  const accounts = await createAccounts(store)
  const pages = createPages({ brand: names.brand, shop })
  const adapter = createAdapter(store, deriveKey(cookieKey, 'records at rest'))
  const nonceKey = deriveKey(cookieKey, 'dpop nonces')
  const ensure = () => ensureKeys(store, vault, config.signingKey, Date.now)

  function build(keys: Awaited<ReturnType<typeof ensure>>) {
    const provider = createProvider({ config, names, adapter, accounts, pages, bearerOf, cookieKey, nonceKey, keys })
    reportRefusals(provider, report, log)
    return { provider, callback: provider.callback() }
  }
  const keys = await ensure()
  let current = build(keys)
  const stopKeys = keepKeysFresh(ensure, keys, config.signingKey, (next) => { current = build(next) }, log)

  const interact = createInteractions({
    provider: () => current.provider, accounts, throttle: createThrottle(store), pages, bearerOf, csrfKey: deriveKey(cookieKey, 'form tokens'),
    onRefused(problem, req, credential) {
      problem.control ??= { name: problem.code === 'too-many-attempts' ? 'login-throttle' : 'login', strategies: ['S11.1'] }
      const detail = detailOf(problem, { address: addressOf(req), operation: 'sign-in', credential })
      log.info({ code: problem.code, evidence: problem.options.evidence, fields: problem.options.errors?.map((e) => e.field) }, 'refused')
      if (detail && problem.code !== 'input-invalid') report(detail) // a short password is no misuse
    },
  })
  const server = createDoor({
    tls: { key: doorKey, certificate: config.certificate, clientRoots: [meshRoots, config.userRoots].filter(Boolean) },
    host: new URL(config.issuer).host, shop, oauth: (req, res) => current.callback(req, res), interact, pages, report, log,
  })
  return {
    server, accounts,
    async close() {
      stopKeys()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 5_000).unref()
      })
    },
  }
}
