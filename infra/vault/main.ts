/** The signer: the only process that can use the private keys of issuers and authorities, and it cannot read them. */
import { rmSync } from 'node:fs'
import http from 'node:http'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createVaultApi } from './api.ts'
import { configSchema, pinSchema } from './config.ts'
import { openToken } from './token.ts'

const launch = readLaunch(configSchema)
const log = createLog(launch.process)
const token = openToken(launch.config, pinSchema.parse(launch.secrets['pin']))

const servers = await Promise.all(Object.entries(launch.config.sockets).map(([client, path]) => new Promise<http.Server>((resolve, reject) => {
  rmSync(path, { force: true })
  const server = http.createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 60_000 }, createVaultApi(token, client, log))
  server.once('error', reject).listen(path, () => resolve(server))
})))

onStop(log, async () => {
  for (const server of servers) server.close().closeAllConnections()
  token.close()
})
log.info({ clients: Object.keys(launch.config.sockets), keys: token.signingKeys().size }, 'serving')
ready()
