import { securityEventSchema } from '@shop/chassis/security-event.ts'
import { describe, expect, test } from 'vitest'
import { readConsul, readPostgres, readRabbitmq, type ReadRefusal } from './refusals.ts'

const data = securityEventSchema.shape.data
function readAll(read: ReadRefusal, text: string) {
  const found = text.split('\n').flatMap((line) => read(line) ?? [])
  for (const one of found) data.parse(one)
  return found
}

describe('PostgreSQL', () => {
  const at = '2026-11-24 17:13:43.627 GMT'
  const session = `${at} [70] 127.4.4.4 00000 LOG:  connection received: host=127.4.4.4 port=34004
${at} [70] 127.4.4.4 00000 LOG:  connection authenticated: identity="CN=order" method=cert (/data/pg_hba.conf:14)
${at} [70] 127.4.4.4 00000 LOG:  connection authorized: user=order database=order SSL enabled (protocol=TLSv1.3)`
  const denied = { detection: 'ACE3', control: 'database-role', strategies: ['A6'], code: 'database-denied', severity: 'high' }

  test('a missing right is told with the name in the certificate, without a word of the statement', () => {
    expect(readAll(readPostgres(), `${session}
${at} [70] 127.4.4.4 42501 ERROR:  permission denied for table payments
${at} [70] 127.4.4.4 42501 STATEMENT:  select 'a secret' from payments`)).toEqual([{ ...denied, subject: 'order', address: '127.4.4.4', reason: 'SQLSTATE 42501' }])
  })
  test('a log-in that was refused, by who proved to be somebody and who did not', () => {
    expect(readAll(readPostgres(), `${session}
${at} [70] 127.4.4.4 00000 LOG:  no match in usermap "data" for user "catalog" authenticated as "order"
${at} [70] 127.4.4.4 28000 FATAL:  certificate authentication failed for user "catalog"
${at} [71] 127.5.5.5 28000 FATAL:  no pg_hba.conf entry for host "127.5.5.5", user "order", database "billing", SSL encryption`))
      .toEqual([{ ...denied, subject: 'order', address: '127.4.4.4', reason: 'SQLSTATE 28000' }, { ...denied, address: '127.5.5.5', reason: 'SQLSTATE 28000' }])
  })
  test('S13.4 a connection too many, by whose it would have been', () => {
    expect(readAll(readPostgres(), `${session}
${at} [70] 127.4.4.4 53300 FATAL:  too many connections for role "order"`)).toMatchObject([{ detection: 'OVERLOAD', code: 'too-many-connections', subject: 'order', address: '127.4.4.4' }])
  })
  test('the next session of the same process is nobody until it has logged in', () => {
    expect(readAll(readPostgres(), `${session}
${at} [70] 127.5.5.5 00000 LOG:  connection received: host=127.5.5.5 port=1
${at} [70] 127.5.5.5 28000 FATAL:  no pg_hba.conf entry for host "127.5.5.5", user "x", database "billing", SSL encryption`)[0]).not.toHaveProperty('subject')
  })
  test('a handshake', () => {
    const refused = { code: 'handshake-refused', detection: 'MTLS-REJECT', address: '127.5.5.5' }
    expect(readAll(readPostgres(), `${at} [71] 127.5.5.5 28000 FATAL:  connection requires a valid client certificate
${at} [72] 127.5.5.5 08P01 LOG:  could not accept SSL connection: tlsv1 alert unknown ca`)).toMatchObject([refused, refused])
  })
  test.each([
    ['the line of a message that goes on', `\t${at} [70] 127.4.4.4 42501 ERROR:  forged`], ['another error', `${at} [70] 127.4.4.4 23505 ERROR:  duplicate key`],
    ['a log-in of an earlier prefix', `${at} [70] a@b 42501 ERROR:  x`], ['a server that starts', `${at} [9] 127.0.0.1 57P03 FATAL:  the database system is starting up`],
  ])('nothing from %s', (_, line) => expect(readAll(readPostgres(), line)).toEqual([]))
  test('as many sessions as there may be are remembered, and no more', () => {
    const read = readPostgres()
    const log = (pid: number) => read(`${at} [${pid}] 127.4.4.4 00000 LOG:  connection authenticated: identity="CN=order" method=cert (x:1)`)
    for (let pid = 1; pid <= 2_000; pid++) log(pid)
    const refusedFor = (pid: number) => read(`${at} [${pid}] 127.4.4.4 42501 ERROR:  permission denied`)?.subject
    expect([refusedFor(1), refusedFor(2_000)]).toEqual([undefined, 'order'])
  })
})

describe('RabbitMQ', () => {
  const denied = { detection: 'BROKER-DENY', control: 'broker-topics', strategies: ['A5'], code: 'broker-denied', severity: 'high' }
  const at = (us: number, pid: string) => `2026-11-24 17:13:43.${us}+00:00 [error] <0.${pid}.0>`
  const head = "Channel error on connection <0.808.0> (127.9.9.50:39009 -> 127.0.0.1:9012, vhost: 'shop', user: 'order'), channel 1:"

  test('an operation that was refused', () => {
    expect(readAll(readRabbitmq(), `${at(1, '817')} ${head}
${at(1, '817')}  operation basic.publish caused a channel exception access_refused: access to topic 'payment.settled' in exchange 'shop.events' in vhost 'shop' refused for user 'order'`))
      .toEqual([{ ...denied, address: '127.9.9.50', subject: 'order', operation: 'basic.publish' }])
  })
  test('a message in another\'s name', () => {
    expect(readAll(readRabbitmq(), `${at(1, '817')} ${head}
${at(1, '817')}  operation basic.publish caused a channel exception precondition_failed: user_id property set to 'billing' but authenticated user was 'order'`)).toEqual([{ ...denied, address: '127.9.9.50', subject: 'order', operation: 'basic.publish' }])
  })
  test('S13.4 a connection, and a channel, too many', () => {
    const tooMany = { detection: 'OVERLOAD', code: 'too-many-connections', subject: 'order' }
    expect(readAll(readRabbitmq(), `${at(1, '889')} Error on AMQP connection <0.889.0> (127.9.9.50:45433 -> 127.0.0.1:9012, user: 'order', state: opening):
${at(1, '889')} connection refused for user 'order': user connection limit (64) is reached
${at(2, '757')} Error on AMQP connection <0.757.0> (127.9.9.51:41753 -> 127.0.0.1:9012, vhost: 'shop', user: 'order', state: running), channel 253:
${at(2, '757')}  operation none caused a connection exception not_allowed: "number of channels opened for user 'order' has reached the maximum allowed user limit of (256)"`))
      .toMatchObject([{ ...tooMany, address: '127.9.9.50' }, { ...tooMany, address: '127.9.9.51' }])
  })
  test('a virtual host, and a log-in', () => {
    expect(readAll(readRabbitmq(), `${at(1, '889')} Error on AMQP connection <0.889.0> (127.9.9.50:45433 -> 127.0.0.1:9012, user: 'order', state: opening):
${at(1, '889')} vhost / not found
${at(2, '890')} Error on AMQP connection <0.890.0> (127.9.9.51:45433 -> 127.0.0.1:9012, state: starting):
${at(2, '890')} EXTERNAL login refused: user 'guest' - invalid credentials`)).toEqual([{ ...denied, address: '127.9.9.50', subject: 'order' }, { ...denied, address: '127.9.9.51' }])
  })
  test('a handshake', () => {
    expect(readAll(readRabbitmq(), `2026-11-24 17:13:43.249239+00:00 [notice] <0.769.0> TLS refused ["127.9.9.10"]: TLS server: In state wait_cert generated SERVER ALERT: Fatal - Certificate required
2026-11-24 17:13:43.249239+00:00 [notice] <0.769.0>  - certificate_required`)).toMatchObject([{ code: 'handshake-refused', detection: 'MTLS-REJECT', address: '127.9.9.10' }])
  })
  test('S5.1 what a routing key says in lines of its own accuses nobody else', () => {
    const forged = head.replace('order', 'catalog').replace('127.9.9.50', '127.1.1.1')
    expect(readAll(readRabbitmq(), `${at(1, '838')} ${head}
${at(1, '838')}  operation basic.publish caused a channel exception access_refused: access to topic 'x
${at(1, '838')} ${forged}
${at(1, '838')}  operation basic.publish caused a channel exception access_refused: access to topic 'y
${at(1, '838')} ${at(2, '839')} ${forged}
${at(1, '838')} TLS refused ["127.1.1.1"]: x' in exchange 'shop.events' in vhost 'shop' refused for user 'order'`)).toEqual([{ ...denied, address: '127.9.9.50', subject: 'order', operation: 'basic.publish' }])
  })
  test('nothing from an error that is no refusal', () => {
    expect(readAll(readRabbitmq(), `${at(1, '1')} ${head}\n${at(1, '1')}  operation basic.ack caused a channel exception precondition_failed: unknown delivery tag 1\n${at(2, '2')} closing AMQP connection <0.2.0> (127.9.9.11:1 -> 127.0.0.1:2):\n${at(2, '2')} {bad_header,<<"GET / HT">>}`)).toEqual([])
  })
})

describe('Consul', () => {
  const line = (more: object) => `    ${JSON.stringify({ '@level': 'error', '@message': 'Request error', '@module': 'agent.http', error: 'Permission denied', from: '127.3.3.3:55288', method: 'PUT', url: '/v1/catalog/register', ...more })}`
  test.each([{}, { error: 'rpc error making call: Permission denied' }, { error: 'ACL not found' }])('a request that its rights refused: %j', (more) => {
    expect(readAll(readConsul(), line(more))).toEqual([{ detection: 'REGISTRY-DENY', control: 'registry-write', strategies: ['S3.4', 'S3.5'], code: 'registry-denied', severity: 'high', address: '127.3.3.3', operation: 'PUT' }])
  })
  test('a read that its rights refused', () => expect(readAll(readConsul(), line({ method: 'GET', url: '/v1/agent/self' }))).toMatchObject([{ control: 'registry-read', strategies: ['S3.4'], operation: 'GET' }]))
  test.each([{ error: 'The ACL system is currently in legacy mode.' }, { error: 'ACL not found', url: '/v1/acl/token/x' }, { '@message': 'Permission denied' }, { from: 7 }])('nothing from %j', (more) => expect(readAll(readConsul(), line(more))).toEqual([]))
  test.each(['memberlist: failed to receive: Encryption is configured but remote state is not encrypted from=127.6.1.1:34567', 'memberlist: failed to receive: No installed keys could decrypt the message from=127.6.1.1:37821', 'memberlist: Decrypt packet failed: No installed keys could decrypt the message from=127.6.1.1:48537'])('S3.3 somebody without the key of the gossip: %s', (message) => {
    expect(readAll(readConsul(), line({ '@message': message, '@module': 'agent.server.memberlist.lan', from: undefined }))).toEqual([{ detection: 'REGISTRY-DENY', control: 'gossip-key', strategies: ['S3.3'], code: 'gossip-refused', severity: 'high', address: '127.6.1.1' }])
  })
  test.each(['memberlist: failed to receive: EOF from=127.6.1.1:1', 'memberlist: failed to receive: remote error: No installed keys could decrypt the message from=127.6.1.1:1', 'memberlist: Suspect x has failed, no acks received'])('nothing from gossip that is no refusal: %s', (message) => expect(readAll(readConsul(), line({ '@message': message }))).toEqual([]))
  test('nothing from what is no JSON', () => expect(readAll(readConsul(), '==> Starting Consul agent\n\n"Permission denied"\nnull')).toEqual([]))
})
