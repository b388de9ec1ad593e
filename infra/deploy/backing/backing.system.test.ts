import { X509Certificate } from 'node:crypto'
import { connect as tlsConnect, type PeerCertificate } from 'node:tls'
import type { Service } from '@shop/chassis/service.ts'
import amqp from 'amqplib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EVENTS, REPLAY, VHOST } from './broker-model.ts'
import { SERVER_NAME } from './consul.ts'
import { ensureKeyring } from './consul-keyring.ts'
import { withoutBounds } from './grants.ts'
import { connectAs } from './postgres-roles.ts'
import { connectRunner, ready as brokerReady } from './rabbitmq.ts'
import { startBacking, type Backing } from './test-backing.ts'

const limits = { memoryMb: 64, cpu: 0.1 }
const services: Service[] = [
  { name: 'order', publishes: ['order.paid'], subscribes: ['payment.settled'], callers: {}, limits },
  { name: 'billing', publishes: ['payment.settled'], subscribes: ['order.paid'], callers: {}, limits },
  { name: 'catalog', publishes: ['product.changed'], subscribes: [], callers: {}, limits },
]
let backing: Backing
beforeAll(async () => { backing = await startBacking(services, 21_000) }, 240_000)
afterAll(() => backing?.stop())

const as = async (name: string) => ({ ca: backing.data.ca, ...(await backing.data.issue(name)) })
const served = (port: number, tls: object, servername: string) => new Promise<PeerCertificate>((resolve, reject) => {
  const socket = tlsConnect({ host: '127.0.0.1', port, servername, ...tls }, () => { resolve(socket.getPeerCertificate()); socket.destroy() }).on('error', reject)
})
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

describe('PostgreSQL', () => {
  const door = async (certificate: string) => ({ ...backing.sql, tls: await as(certificate) })
  const refusal = (opening: Promise<pg.Client>) => opening.then(async (client) => { await client.end(); return 'let in' }, (error: Error & { code?: string }) => `${error.code} ${error.message}`)

  test('a workload opens its own database under TLS 1.3', async () => {
    const client = await connectAs(await door('order'), 'order', 'order')
    const { rows } = await client.query('select version, client_dn from pg_stat_ssl where pid = pg_backend_pid()')
    await client.end()
    expect(rows).toEqual([{ version: 'TLSv1.3', client_dn: '/CN=order' }])
  })
  test.each([
    ['order', 'billing', 'billing', /^28000 certificate authentication failed/],
    ['order', 'order', 'billing', /^28000 no pg_hba.conf entry/],
    ['order', 'order', 'postgres', /^28000 no pg_hba.conf entry/],
    ['order', 'order_owner', 'order', /^28000/],
    ['order', 'order_migrate', 'order', /^28000/],
    ['order', 'owner', 'order', /^28000/],
    ['billing', 'order_migrate', 'order', /^28000/],
    ['unknown', 'unknown', 'postgres', /^28000/],
  ])('S4.2 refuses certificate %s as role %s in database %s', async (certificate, role, database, why) => {
    expect(await refusal(connectAs(await door(certificate), role, database))).toMatch(why)
  })
  test("S4.2 refuses no certificate, another authority's, an expired one, TLS 1.2 and plain text", async () => {
    const { port, serverName } = backing.sql
    const open = async (ssl: pg.ClientConfig['ssl']) => {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'order', database: 'order', ssl })
      client.on('error', () => {})
      await client.connect()
      return client
    }
    const ca = backing.data.ca
    expect(await refusal(open({ ca, servername: serverName }))).toMatch(/28000 connection requires a valid client certificate/)
    expect(await refusal(open({ ca, servername: serverName, ...(await backing.servers.issue('order')) }))).toMatch(/UNKNOWN_CA|unknown ca/i)
    expect(await refusal(open({ ca, servername: serverName, ...(await backing.data.issue('order', [], -3, -1)) }))).toMatch(/EXPIRED|expired/)
    expect(await refusal(open({ ...(await as('order')), servername: serverName, maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' }))).toMatch(/EPROTO|protocol version/i)
    expect(await refusal(open(false))).toMatch(/28000 no pg_hba.conf entry .* no encryption/)
  })
  test('S13.4 who opens all the connections that it gets leaves the others theirs', async () => {
    const opened: pg.Client[] = []
    const greedy = await door('order')
    let last = 'let in'
    while (last === 'let in') last = await connectAs(greedy, 'order', 'order').then((client) => { opened.push(client); return 'let in' }, (error: Error & { code?: string }) => `${error.code} ${error.message}`)
    expect(last).toBe('53300 too many connections for role "order"')
    expect(await refusal(connectAs(await door('billing'), 'billing', 'billing'))).toBe('let in')
    await Promise.all(opened.map((client) => client.end()))
  })
  test('S2.6 rights that the model does not name are taken away, and a role that left it is cut off', async () => {
    const owner = await connectAs(backing.sql, 'owner', 'postgres')
    await owner.query('alter role billing superuser; grant order_owner to billing; grant connect on database "order" to billing')
    await backing.holdRoles()
    const { rows } = await owner.query(`select rolsuper as super, has_database_privilege('billing', 'order', 'connect') as connects, pg_has_role('billing', 'order_owner', 'member') as member from pg_roles where rolname = 'billing'`)
    expect(rows).toEqual([{ super: false, connects: false, member: false }])
    const client = await connectAs(await door('catalog'), 'catalog', 'catalog')
    const ended = new Promise((resolve) => client.on('end', () => resolve(true)))
    await backing.holdRoles(['order', 'billing'])
    await ended
    expect(await refusal(connectAs(await door('catalog'), 'catalog', 'catalog'))).toMatch(/28000 role "catalog" is not permitted to log in/)
    await backing.holdRoles()
    expect(await refusal(connectAs(await door('catalog'), 'catalog', 'catalog'))).toBe('let in')
    await owner.end()
  })
  test('T7 what the lab lends is read at once and taken back whole, with the connection that used it', async () => {
    const owner = await connectAs(backing.sql, 'owner', 'billing')
    await owner.query('create table if not exists public.lent as select 7 as n')
    const open = async () => connectAs(await door('order'), 'order', 'billing')
    await backing.holdRoles(undefined, [{ role: 'order', database: 'billing' }])
    const guest = await open()
    const ended = new Promise((resolve) => guest.on('end', () => resolve(true)))
    expect((await guest.query('select n from lent')).rows).toEqual([{ n: 7 }])
    await expect(guest.query('insert into lent values (8)')).rejects.toThrow('permission denied')
    // As a start does it after a crash: it knows of no grant.
    await backing.holdRoles()
    await ended
    expect(await refusal(open())).toMatch(/^28000 no pg_hba.conf entry/)
    const { rows } = await owner.query(`select has_database_privilege('order', 'billing', 'connect') as connects, has_schema_privilege('order', 'public', 'usage') as enters, has_table_privilege('order', 'lent', 'select') as reads`)
    expect(rows).toEqual([{ connects: false, enters: false, reads: false }])
    await owner.query('drop table lent').finally(() => owner.end())
  })
  test('a renewed certificate is served after SIGHUP, and kept connections live on', async () => {
    const client = await connectAs(await door('order'), 'order', 'order')
    await backing.writePgCertificate()
    const serial = async () => new X509Certificate(await pgCertificate()).serialNumber
    const before = await serial()
    backing.children.get('postgres')?.kill('SIGHUP')
    await until(async () => (await serial()) !== before)
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })
  /** The server's certificate, which pg shows in `checkServerIdentity` only. */
  async function pgCertificate(): Promise<Buffer> {
    let seen: Buffer | undefined
    const client = new pg.Client({ host: '127.0.0.1', port: backing.sql.port, user: 'owner', database: 'postgres', ssl: { ...backing.sql.tls, servername: backing.sql.serverName, checkServerIdentity: (_, peer) => { seen = peer.raw; return undefined } } })
    await client.connect()
    await client.end()
    return seen as Buffer
  }
})

describe('RabbitMQ', () => {
  async function open(name: string): Promise<amqp.ChannelModel> {
    const connection = await connectRunner({ ...backing.runner, tls: await as(name) })
    connection.on('error', () => {})
    return connection
  }
  /** What the broker says to `work` on a channel of its own: 'fine' or the reason that closed it. */
  async function answer(name: string, work: (channel: amqp.ConfirmChannel) => Promise<unknown>): Promise<string> {
    const connection = await open(name)
    const channel = await connection.createConfirmChannel()
    const failed = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)))
    const said = await Promise.race([failed, work(channel).then(() => 'fine', () => failed)])
    await connection.close().catch(() => {})
    return said
  }
  const publish = (exchange: string, topic: string, text = '{}') => (channel: amqp.ConfirmChannel) => {
    channel.publish(exchange, topic, Buffer.from(text), { mandatory: true, persistent: true })
    return channel.waitForConfirms()
  }

  test('a service publishes its topic and the subscriber, only it, reads it', async () => {
    expect(await answer('order', publish(EVENTS, 'order.paid', 'hello'))).toBe('fine')
    const connection = await open('billing')
    const channel = await connection.createChannel()
    const message = await channel.get('billing', { noAck: true })
    await connection.close()
    expect((message as amqp.GetMessage).content.toString()).toBe('hello')
  })
  test('S13.4 who opens all the connections that it gets leaves the others theirs', async () => {
    const opened: amqp.ChannelModel[] = []
    const more = () => open('order').then((connection) => { opened.push(connection); return true }, () => false)
    while (await more());
    expect(opened.length).toBeGreaterThan(32)
    await (await open('billing')).close()
    await Promise.all(opened.map((connection) => connection.close()))
  })
  test.each<[string, string, (channel: amqp.ConfirmChannel) => Promise<unknown>]>([
    ["publishes another's topic", 'order', publish(EVENTS, 'payment.settled')],
    ['publishes a topic that nobody has', 'order', publish(EVENTS, 'order.paid.twice')],
    ["reads another's queue", 'order', (channel) => channel.get('billing')],
    ['reads its own dead letters', 'order', (channel) => channel.get('order.dead')],
    ['reads though it subscribes nothing', 'catalog', (channel) => channel.get('order')],
    ['writes past the exchange', 'order', publish('', 'billing')],
    ['replays', 'order', publish(REPLAY, 'order.paid')],
    ['declares a queue', 'order', (channel) => channel.assertQueue('mine')],
    ['binds a queue', 'order', (channel) => channel.bindQueue('order', EVENTS, 'order.paid')],
    ['deletes its queue', 'order', (channel) => channel.deleteQueue('order')],
    ['(the runner) publishes an event', 'runner', publish(EVENTS, 'order.paid')],
    ['(the runner) reads a queue', 'runner', (channel) => channel.get('order')],
  ])('S5.1 refuses with 403: a user %s (%s)', async (_, name, work) => {
    expect(await answer(name, work)).toMatch(/403 .*ACCESS[-_]REFUSED/i)
  })
  test('S4.2 refuses no certificate, an unknown user, another authority and TLS 1.2', async () => {
    const { port, serverName } = backing.runner
    const tls = await as('order')
    const open0 = (options: object) => amqp.connect({ protocol: 'amqps', hostname: '127.0.0.1', port, vhost: VHOST, username: '', password: '' }, { servername: serverName, ca: backing.data.ca, credentials: amqp.credentials.external(), ...options }).then(async (connection) => { await connection.close(); return 'let in' }, (error: Error) => error.message)
    expect(await open0({})).toMatch(/certificate required|socket/i)
    expect(await open0(await backing.servers.issue('order'))).toMatch(/unknown ca|socket/i)
    expect(await open0({ ...tls, maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' })).toMatch(/protocol version|socket/i)
    expect(await open0(await backing.data.issue('guest'))).toMatch(/ACCESS.REFUSED/i)
    expect(await open0({ ...tls, credentials: amqp.credentials.plain('order', '') })).toMatch(/ACCESS.REFUSED|mechanism|socket/i)
    expect(await open0(tls)).toBe('let in')
  })
  test('an event refused by its reader is a dead letter, and the runner hands it back under its topic', async () => {
    await answer('order', publish(EVENTS, 'order.paid', 'bad'))
    const reader = await open('billing')
    const channel = await reader.createChannel()
    const refused = await channel.get('billing')
    if (refused) channel.nack(refused, false, false)
    const runner = await open('runner')
    const hands = await runner.createConfirmChannel()
    let dead: amqp.GetMessage | false = false
    await until(async () => !!(dead = await hands.get('billing.dead')))
    const letter = dead as unknown as amqp.GetMessage
    const topic = (letter.properties.headers!['x-death'] as { 'routing-keys': string[] }[])[0]!['routing-keys'][0] as string
    hands.publish(REPLAY, topic, letter.content, { headers: { to: 'billing' }, mandatory: true, persistent: true })
    await hands.waitForConfirms()
    hands.ack(letter)
    let again: amqp.GetMessage | false = false
    await until(async () => !!(again = await channel.get('billing', { noAck: true })))
    expect(again).toMatchObject({ content: Buffer.from('bad'), fields: { routingKey: 'order.paid' } })
    await Promise.all([reader.close(), runner.close()])
  })
  test('S5.1 a user, a grant and a binding that the model does not name go', async () => {
    const more = structuredClone(backing.definitions)
    more.topic_permissions.find(({ user }) => user === 'order')!.write = '.*'
    await backing.holdBroker(more)
    expect(await answer('order', publish(EVENTS, 'payment.settled'))).toBe('fine')
    await backing.holdBroker()
    expect(await answer('order', publish(EVENTS, 'payment.settled'))).toMatch(/403/)
    const less = structuredClone(backing.definitions)
    less.users = less.users.filter(({ name }) => name !== 'catalog')
    less.permissions = less.permissions.filter(({ user }) => user !== 'catalog')
    less.topic_permissions = less.topic_permissions.filter(({ user }) => user !== 'catalog')
    less.bindings = less.bindings.filter(({ routing_key }) => routing_key !== 'order.paid')
    const leaving = await open('catalog')
    const closed = new Promise((resolve) => leaving.on('close', resolve))
    await backing.holdBroker(less)
    await closed
    await expect(open('catalog')).rejects.toThrow(/ACCESS.REFUSED/i)
    const connection = await open('order')
    const channel = await connection.createConfirmChannel()
    const returned = new Promise((resolve) => channel.on('return', resolve))
    await publish(EVENTS, 'order.paid')(channel)
    await returned // unroutable: nothing is bound to it
    await connection.close()
  })
  test('T7 a user that the lab set free may do everything; bound again, also the channel that was open', async () => {
    const since = Date.now()
    await backing.holdBroker(withoutBounds(backing.definitions, [{ store: 'broker', to: 'order' }]))
    const connection = await open('order')
    const closed = new Promise((resolve) => connection.on('close', resolve))
    const channel = await connection.createConfirmChannel()
    await publish(EVENTS, 'payment.settled', 'forged')(channel)
    await channel.assertQueue('mine', { exclusive: true })
    expect(await answer('billing', publish(EVENTS, 'order.paid'))).toMatch(/403/)
    await backing.holdBroker(undefined, [{ user: 'order', since }])
    await closed
    expect(await answer('order', publish(EVENTS, 'payment.settled'))).toMatch(/403/)
    const reader = await open('order')
    const reading = await reader.createChannel()
    const seen: string[] = []
    for (let message = await reading.get('order', { noAck: true }); message; message = await reading.get('order', { noAck: true })) seen.push(message.content.toString())
    expect(seen).toContain('forged')
    await reader.close()
  })
  test('a renewed certificate is served without a signal', async () => {
    const tls = await as('order')
    const serial = async () => (await served(backing.place.port, tls, backing.runner.serverName)).serialNumber
    const before = await serial()
    await backing.writeMqCertificate()
    await until(async () => (await serial()) !== before)
  })
})

describe('Consul', () => {
  const node = (name: string, service: string) => ({ Node: name, Address: '127.0.0.1', SkipNodeUpdate: false, Service: { ID: name, Service: service, Port: 1 } })
  async function answer(secret: string, method: 'GET' | 'PUT', path: string, body?: unknown) {
    const client = backing.consulAs(secret)
    return client.call(method, path, body).finally(() => client.close())
  }
  test('the registrar registers an instance; a reader sees the services its policy names and nothing else', async () => {
    const { registrar, 'reader-edge': reader } = backing.tokens
    expect((await answer(registrar.secret, 'PUT', '/v1/catalog/register', node('order-1', 'order'))).status).toBe(200)
    expect((await answer(registrar.secret, 'PUT', '/v1/catalog/register', node('billing-1', 'billing'))).status).toBe(200)
    const names = async (secret: string, service: string) => (await answer(secret, 'GET', `/v1/health/service/${service}`)).body.map((entry: any) => entry.Node.Node)
    expect(await names(reader.secret, 'order')).toEqual(['order-1'])
    expect(await names(reader.secret, 'billing')).toEqual([])
    expect(await names('', 'order')).toEqual([])
  })
  test.each<[string, keyof Backing['tokens'] | 'anonymous', string, unknown]>([
    ['a reader registers', 'reader-edge', '/v1/catalog/register', node('order-1', 'order')],
    ['a reader deregisters', 'reader-edge', '/v1/catalog/deregister', { Node: 'order-1' }],
    ['anonymous registers', 'anonymous', '/v1/catalog/register', node('order-1', 'order')],
    ['the registrar registers a service that does not exist', 'registrar', '/v1/catalog/register', node('order-1', 'bank')],
    ['the registrar renames a Consul server', 'registrar', '/v1/catalog/register', { Node: 'consul-1', Address: '127.0.0.9' }],
    ['the registrar writes a key', 'registrar', '/v1/kv/releases/order', {}],
    ['the registrar makes a token', 'registrar', '/v1/acl/token', {}],
  ])('S7.1 refuses: %s', async (_, who, path, body) => {
    expect((await answer(who === 'anonymous' ? '' : backing.tokens[who].secret, 'PUT', path, body)).status).toBe(403)
  })
  test("S4.2 refuses no certificate, a workload's certificate and TLS 1.2", async () => {
    const port = backing.ports[0]!.https
    const call = async (tls: object) => {
      const client = backing.consulAs(backing.secrets.management, { tls: tls as never, ports: [port] })
      return client.call('GET', '/v1/status/leader').then(({ status }) => status, (error: Error) => String((error.cause as Error & { code?: string }).code)).finally(() => client.close())
    }
    expect(await call({ ca: backing.servers.ca })).not.toBe(200)
    expect(await call({ ca: backing.servers.ca, ...(await backing.data.issue('order')) })).not.toBe(200)
    await expect(served(port, { ...backing.consulTls, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, SERVER_NAME)).rejects.toThrow(/protocol version/i)
    expect(await call(backing.consulTls)).toBe(200)
  })
  test('S7.1 tokens and policies that left the model go; a changed secret counts at once', async () => {
    const { registrar, agent } = backing.tokens
    const fresh = { ...registrar, secret: crypto.randomUUID() }
    await answer(backing.secrets.management, 'PUT', '/v1/acl/token', { Description: 'stray', Policies: [{ Name: 'global-management' }] })
    await backing.holdAcl(backing.policies.filter(({ name }) => name !== 'reader-edge'), [fresh, agent])
    expect((await answer(registrar.secret, 'GET', '/v1/acl/token/self')).status).toBe(403)
    expect((await answer(fresh.secret, 'GET', '/v1/acl/token/self')).status).toBe(200)
    const tokens: { Description: string }[] = (await answer(backing.secrets.management, 'GET', '/v1/acl/tokens')).body
    expect(tokens.map(({ Description }) => Description).sort()).toEqual(['Anonymous Token', 'Master Token', 'agent', 'registrar'])
    const policies: { Name: string }[] = (await answer(backing.secrets.management, 'GET', '/v1/acl/policies')).body
    expect(policies.map(({ Name }) => Name).sort()).toEqual(['agent', 'global-management', 'registrar'])
    await backing.holdAcl()
  })
  test('S3.3 a key that is lent to the gossip goes when it is taken back; the first one stays', async () => {
    const { management, gossip } = backing.secrets
    const keys = async () => Object.keys((await answer(management, 'GET', '/v1/operator/keyring')).body[0].Keys).sort()
    const client = backing.consulAs(management)
    const lent = 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvYwy7Cu5s='
    await ensureKeyring(client, gossip, [lent], () => true)
    expect(await keys()).toEqual([gossip, lent].sort())
    await ensureKeyring(client, gossip, [], (member) => /^consul-[123]$/.test(member))
    expect(await keys()).toEqual([gossip])
    await client.close()
  })
  test('a renewed certificate is served after SIGHUP', async () => {
    const serial = async () => (await served(backing.ports[0]!.https, backing.consulTls, SERVER_NAME)).serialNumber
    const before = await serial()
    await backing.writeConsulCertificate(0)
    backing.children.get('consul-1')?.kill('SIGHUP')
    await until(async () => (await serial()) !== before)
  })
})

test('everything killed at once starts again with its data', async () => {
  const sql = await connectAs(backing.sql, 'order_migrate', 'order')
  await sql.query('create table kept (n int); insert into kept values (7)')
  await sql.end()
  const runner = await connectRunner(backing.runner)
  runner.on('error', () => {})
  const channel = await runner.createConfirmChannel()
  channel.on('error', () => {})
  channel.publish(REPLAY, 'order.paid', Buffer.from('kept'), { headers: { to: 'billing' }, persistent: true })
  await channel.waitForConfirms()
  await backing.kill()
  await backing.startAll()
  const order = await connectAs({ ...backing.sql, tls: await as('order') }, 'order', 'order')
  expect((await order.query('select n from kept')).rows).toEqual([{ n: 7 }])
  await order.end()
  expect(await brokerReady(backing.runner)).toBe(true)
  const billing = await connectRunner({ ...backing.runner, tls: await as('billing') })
  const reading = await billing.createChannel()
  const seen: string[] = []
  for (let message = await reading.get('billing', { noAck: true }); message; message = await reading.get('billing', { noAck: true })) seen.push(message.content.toString())
  await billing.close()
  expect(seen).toContain('kept')
  const client = backing.consulAs(backing.secrets.management)
  expect((await client.call('GET', '/v1/health/service/order')).body).toHaveLength(1)
  await client.close()
})
