/** Real processes: vault, pki, access and exchange, with lives of seconds. */
import { generateKeyPairSync, sign } from 'node:crypto'
import http from 'node:http'
import { enrol, type WorkloadIdentity } from '@shop/chassis/identity.ts'
import { createJwks } from '@shop/chassis/jwks.ts'
import { isSignedBy, parseJws } from '@shop/chassis/jws.ts'
import { fetchJson } from '@shop/chassis/mesh-json.ts'
import { quiet, softhsm, startPart, type Child } from '@shop/chassis/test-part.ts'
import { createMeshPool } from '@shop/chassis/tls.ts'
import { startControlPlane, type ControlPlane } from '@shop/pki/test-control-plane.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACCESS_TOKEN, EXCHANGE_GRANT } from './token-request.ts'

const PKI = 25_050, ACCESS = 25_051, EXCHANGE = 25_052, IDENTITY = 25_054
const origin = (port: number) => `https://127.0.0.1:${port}`
const issuer = `http://localhost:${IDENTITY}`
const userKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = http.createServer((req, res) => res.end(JSON.stringify(req.url === '/jwks' ? { keys: [{ ...userKeys.publicKey.export({ format: 'jwk' }), kid: 'u1' }] } : { issuer, jwks_uri: `${issuer}/jwks` })))
const operations = [{ id: 'getCart', subjects: ['user'] }]
let plane: ControlPlane, access: Child, exchange: Child, edge: WorkloadIdentity

beforeAll(async () => {
  if (!softhsm) return
  await new Promise<void>((resolve) => provider.listen(IDENTITY, resolve))
  plane = await startControlPlane({ port: PKI, lifetimeSeconds: { mesh: 6 } })
  const launch = async (workload: string, config: object) => ({ ...(await plane.launch(workload, workload === 'exchange' ? ['mesh', 'data'] : ['mesh'])), process: workload, config })
  access = await startPart('access', await launch('access', { port: ACCESS, exchange: origin(EXCHANGE), monitor: origin(1), policies: [{ service: 'order', operations, cedar: '@id("cart") permit (principal, action, resource is Service);' }] }))
  exchange = await startPart('exchange', await launch('exchange', {
    port: EXCHANGE, vaultSocket: `${plane.dir}/v-identity`, database: { host: '127.0.0.1', port: 1, database: 'exchange', user: 'exchange' }, access: origin(ACCESS), monitor: origin(1),
    identityIssuer: issuer, doorRoots: 'unused by http', services: { order: { callers: { edge: ['getCart'] }, operations: [{ ...operations[0], isSingleUse: false }] } }, lifetimeSeconds: 2, keyLifetimeSeconds: 3,
  }))
  edge = await enrol(await plane.launch('edge', ['mesh']), quiet)
})
afterAll(async () => {
  edge?.stop()
  await exchange?.stop()
  await access?.stop()
  await plane?.stop()
  await new Promise((resolve) => provider.close(resolve))
})

test('no exchange fails while every certificate and signing key changes', async () => {
  const pool = createMeshPool(edge, origin(EXCHANGE), 'exchange')
  const keys = createJwks(() => fetchJson(pool.dispatcher(), '/jwks', 1_000))
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const input = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'u1' })}.${part({ iss: issuer, aud: 'spiffe://shop.test/mesh/edge', sub: 'alice', role: 'customer', iat, exp: iat + 600 })}`
  const subject = `${input}.${sign('sha256', Buffer.from(input), { key: userKeys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  const form = new URLSearchParams({ grant_type: EXCHANGE_GRANT, subject_token: subject, subject_token_type: ACCESS_TOKEN, audience: 'order', scope: 'getCart' }).toString()
  const kids = new Set<string>(), thumbprints = new Set<string>()
  let count = 0
  const client = async () => {
    while (kids.size < 4 || thumbprints.size < 3) {
      const credentials = edge.mesh()
      const answer = await pool.dispatcher(credentials).request({ path: '/token', method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form })
      const body = (await answer.body.json()) as { access_token: string }
      expect(answer.statusCode, JSON.stringify(body)).toBe(200)
      const jws = parseJws(body.access_token)!
      const key = await keys.key(jws.kid)
      expect(key && isSignedBy(jws, key), 'signed by a published key').toBe(true)
      expect(jws.claims['cnf']).toEqual({ 'x5t#S256': credentials.thumbprint })
      kids.add(jws.kid)
      thumbprints.add(credentials.thumbprint)
      count++
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all([client(), client()])
  expect(count).toBeGreaterThan(100)
  await pool.close()
})
