/** The certificate authority: knows who may have which name; its keys are in the vault. */
import { rmSync } from 'node:fs'
import http from 'node:http'
import { newCertificateRequest } from '@shop/chassis/certificate-request.ts'
import { createControlApi, type ApiHandlers } from '@shop/chassis/control-api.ts'
import { credentialsOf, keepRenewed } from '@shop/chassis/identity.ts'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { serveMesh } from '@shop/chassis/mesh-server.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import { spiffeIdOf } from '@shop/chassis/tls.ts'
import { createVaultClient } from '@shop/chassis/vault-client.ts'
import { adminHandlers } from './admin.ts'
import { ensureAuthorities } from './authorities.ts'
import { requestedKey } from './certificate.ts'
import { configSchema } from './config.ts'
import { doorHandlers } from './door.ts'
import { createIssuing } from './issuer.ts'
import { workloadProfile } from './profiles.ts'
import { createRegistrations } from './registrations.ts'

const launch = readLaunch(configSchema)
const { config, names: { brand, checkout, trustDomain } } = launch
const log = createLog(launch.process)
const vault = createVaultClient(config.vaultSocket)
const authorities = await ensureAuthorities({ ...config, doorsDir: config.doorsDir ?? config.stateDir, brand, checkout }, vault, log, new Date())
const issuing = createIssuing(authorities, log, () => new Date())
const roots = Object.fromEntries(Object.entries(authorities).map(([name, { root }]) => [name, root]))

// Our own certificate comes the same way as everybody's, without the door.
const issueToSelf = async (csr: string) => (await issuing(workloadProfile('mesh', 'pki', trustDomain, config.lifetimeSeconds), await requestedKey(csr), launch.process)).chain
const { key, csr } = newCertificateRequest()
const first = credentialsOf(key, await issueToSelf(csr), `spiffe://${trustDomain}/mesh/pki`)
const identity = keepRenewed({ trustDomain, roots: authorities.mesh.root, workload: 'pki', first: new Map([['mesh', first]]), issue: (_kind, request) => issueToSelf(request) }, log)

// The first authority starts before the monitor: what it refuses meanwhile waits, and stands in its log at once.
const reporter = config.monitor === undefined ? undefined : createMeshReporter(launch.process, config.monitor, identity)
const report: Report = (event) => {
  log.warn({ event }, 'security event')
  reporter?.report(event)
}
const parts = { registrations: createRegistrations(), issuing, trustDomain, lifetimes: config.lifetimeSeconds, doorNames: config.doorNames, roots, nowMs: Date.now }
const api = (document: string, handlers: ApiHandlers, control: { name: string; strategies: string[] }) => createControlApi({
  api: loadApi(readOpenApi(new URL(document, import.meta.url))), handlers, log, control, report,
  subjectOf: (req) => spiffeIdOf(req.socket),
})
const admin = http.createServer({ requestTimeout: 10_000 }, api('admin.openapi.yaml', adminHandlers(parts), { name: 'pki-administration', strategies: ['S13.3'] }))

rmSync(config.adminSocket, { force: true })
const [door] = await Promise.all([
  serveMesh(api('openapi.yaml', doorHandlers(parts), { name: 'enrolment', strategies: ['S1.5', 'S2.6'] }), { host: config.host, port: config.port, identity, report, clientCertificate: 'optional' }),
  new Promise<void>((resolve, reject) => admin.once('error', reject).listen(config.adminSocket, resolve)),
])
onStop(log, async () => {
  admin.close()
  admin.closeAllConnections()
  await door.close()
  identity.stop()
  await reporter?.close()
  await vault.close()
})
log.info({ port: config.port, lifetimeSeconds: config.lifetimeSeconds }, 'serving')
ready()
