/** Identity: who a person is, and the tokens that say so (S1, S11.1). Composes the parts; replaceable by any OIDC provider. */
import type { AddressInfo } from 'node:net'
import { enrol } from '@shop/chassis/identity.ts'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { createStore } from '@shop/chassis/store.ts'
import { createVaultClient } from '@shop/chassis/vault-client.ts'
import { sweep } from './adapter.ts'
import { configSchema } from './config.ts'
import { createIdentity } from './identity.ts'

const launch = readLaunch(configSchema)
const log = createLog(launch.process)
const { config, secrets } = launch
const secret = (name: string): string => {
  const value = secrets[name]
  if (!value) {
    process.stderr.write(`unusable configuration:\nsecrets lack '${name}'\n`)
    process.exit(78)
  }
  return value
}
const doorKey = secret('doorKey')
const cookieKey = secret('cookieKey')
const passwords = config.accounts.map((account) => ({ account, password: secret(`password:${account.username}`) }))

const workload = await enrol(launch, log)
const store = createStore(config.database, workload, log)
const vault = createVaultClient(config.vaultSocket)
const monitor = config.monitor ? createMeshReporter(launch.process, config.monitor, workload) : null

const identity = await createIdentity({ config, names: launch.names, meshRoots: workload.roots, doorKey, cookieKey, store, vault, report: monitor?.report ?? (() => {}), log })
await Promise.all(passwords.map(async ({ account, password }) => {
  await identity.accounts.ensure(account, password).catch((error: unknown) => log.error({ err: error, username: account.username }, 'this account could not be made'))
}))
const sweeper = setInterval(() => void sweep(store, log), 600_000).unref()

await new Promise<void>((resolve, reject) => identity.server.once('error', reject).listen(config.port, '127.0.0.1', resolve))
log.info({ port: (identity.server.address() as AddressInfo).port, issuer: config.issuer }, 'serving')
ready()

onStop(log, async () => {
  clearInterval(sweeper)
  await identity.close()
  await Promise.all([monitor?.close(), vault.close(), store.close()])
  workload.stop()
})
