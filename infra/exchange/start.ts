/** Runs the exchange until it is told to stop. The lab starts the same with one step replaced. */
import { createControlApi } from '@shop/chassis/control-api.ts'
import { enrol } from '@shop/chassis/identity.ts'
import { ready, type Launch } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { peerIdOf, serveMesh } from '@shop/chassis/mesh-server.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { createStore } from '@shop/chassis/store.ts'
import { createMeshPool } from '@shop/chassis/tls.ts'
import { createVaultClient } from '@shop/chassis/vault-client.ts'
import { exchangeHandlers, type Steps } from './api.ts'
import { createAskAccess } from './ask-access.ts'
import type { Config } from './config.ts'
import { createIdentityKeys } from './identity-keys.ts'
import { forgetExpired, redeem } from './redeemed.ts'
import { openSigningKeys } from './signing-keys.ts'

/** `steps`: another composition than production's, which passes none. */
export async function startExchange(launch: Launch<Config>, log: Logger, steps?: Steps): Promise<void> {
  const { config, names: { trustDomain } } = launch
  const identity = await enrol(launch, log)
  const reporter = createMeshReporter(launch.process, config.monitor, identity)
  const store = createStore(config.database, identity, log)
  const vault = createVaultClient(config.vaultSocket)
  const keys = await openSigningKeys(vault, { keyLifetimeMs: config.keyLifetimeSeconds * 1_000, tokenLifetimeMs: config.lifetimeSeconds * 1_000 }, log, Date.now)
  const identityKeys = createIdentityKeys(config.identityIssuer, config.doorRoots)
  const access = createMeshPool(identity, config.access, 'access')
  const handlers = exchangeHandlers({
    structure: { services: config.services, lifetimeSeconds: config.lifetimeSeconds, trustDomain },
    issuers: { identityIssuer: config.identityIssuer, identityKeys, ownKeys: keys.verifying, trustDomain },
    keys, askAccess: createAskAccess(access, trustDomain), redeem: (jti, exp) => redeem(store, jti, exp), log, report: reporter.report, now: Date.now, ...(steps && { steps }),
  })
  const listener = createControlApi({
    api: loadApi(readOpenApi(new URL('openapi.yaml', import.meta.url))), handlers, log, report: reporter.report,
    control: { name: 'narrowing', strategies: ['S12.5'] }, subjectOf: peerIdOf(trustDomain),
  })
  const server = await serveMesh(listener, { host: config.host, port: config.port, identity, report: reporter.report })
  const cleaning = setInterval(() => forgetExpired(store).catch((error: unknown) => log.warn({ err: error }, 'expired redemptions not removed')), 60_000).unref()
  ready()
  log.info({ services: Object.keys(config.services) }, 'ready')
  onStop(log, async () => {
    clearInterval(cleaning)
    await server.close()
    keys.stop()
    await reporter.close()
    await Promise.all([access.close(), identityKeys.close(), vault.close(), store.close()])
    identity.stop()
  })
}
