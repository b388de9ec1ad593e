import type { Service } from '@shop/chassis/service.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { system } from '../system.ts'
import { DEAD, definitions, EVENTS } from './broker-model.ts'
import * as consul from './consul.ts'
import { readerPolicy, registrarPolicy } from './consul-acl.ts'
import { describeMissing } from './missing.ts'
import { hostAccess, identities } from './postgres.ts'
import { applications, ensureProgram, onePem } from './rabbitmq.ts'

const service = (name: string, publishes: string[], subscribes: string[]): Service => ({ name, publishes, subscribes, callers: {}, limits: { memoryMb: 1, cpu: 1 } })

describe('PostgreSQL', () => {
  test('who may open which database, and with whose certificate', () => {
    expect(hostAccess(['order'])).toBe('hostssl all "owner" 127.0.0.0/8 cert map=data\nhostssl "order" "order" 127.0.0.0/8 cert map=data\nhostssl "order" "order_migrate" 127.0.0.0/8 cert map=data\n')
    expect(identities(['order'])).toBe('data "owner" "owner"\ndata "order" "order"\ndata "owner" "order_migrate"\n')
  })
})

describe('RabbitMQ', () => {
  const word = fc.stringMatching(/^[a-z]{2,6}$/)
  const model = fc.uniqueArray(word, { minLength: 2, maxLength: 5 }).chain((names) => {
    const topics = names.map((name) => [`${name}.made`, `${name}.ended`])
    return fc.tuple(...names.map((name, i) => fc.subarray(topics.flat()).map((subscribes) => service(name, topics[i] as string[], subscribes))))
  })
  const holds = (pattern: string, text: string) => new RegExp(pattern).test(text)

  test('nobody can publish a topic that another service publishes, whatever the model', () => {
    fc.assert(fc.property(model, (services) => {
      const { topic_permissions } = definitions(services)
      for (const { publishes, name } of services)
        for (const topic of publishes) for (const { user, write } of topic_permissions) expect(holds(write, topic), `${user} ${topic}`).toBe(user === name)
    }))
  })
  test('a queue gets exactly the topics its service subscribes, and its service alone may read it', () => {
    fc.assert(fc.property(model, (services) => {
      const all = definitions(services)
      for (const { name, subscribes } of services) {
        expect(all.bindings.filter((b) => b.source === EVENTS && b.destination === name).map((b) => b.routing_key).sort()).toEqual([...subscribes].sort())
        expect(all.queues.some((queue) => queue.name === name)).toBe(subscribes.length > 0)
        if (subscribes.length > 0) for (const { user, read } of all.permissions) expect(holds(read, name)).toBe(user === name)
      }
    }))
  })
  test('nobody may declare, nobody has a password or a tag, every dead letter has a queue', () => {
    const all = definitions(system.services)
    expect(all.permissions.every(({ configure }) => configure === '^$')).toBe(true)
    expect(all.users.every(({ password_hash, tags }) => password_hash === '' && tags.length === 0)).toBe(true)
    for (const { arguments: more } of all.queues.filter((queue) => 'x-dead-letter-exchange' in queue.arguments))
      expect(all.bindings).toContainEqual(expect.objectContaining({ source: DEAD, routing_key: more['x-dead-letter-routing-key'], destination: `${more['x-dead-letter-routing-key']}.dead` }))
  })
  test('a topic that nobody publishes is refused by name', () => {
    expect(() => definitions([service('order', ['order.paid'], ['order.payed'])])).toThrow("order subscribes to 'order.payed', which no service publishes; known are order.paid")
  })
  test("a dot in a name is a dot, and another's prefix does not count", () => {
    const [permission] = definitions([service('order', ['order.paid'], [])]).topic_permissions
    for (const topic of ['orderXpaid', 'order.paid.x', 'x.order.paid']) expect(holds(permission?.write ?? '', topic), topic).toBe(false)
  })
  test('names in the Erlang program cannot end their string', () => {
    expect(ensureProgram(definitions([service('a">>,halt()', [], [])]))).toContain(String.raw`<<"a\">>,halt()"/utf8>>`)
  })
  test('the applications that an .app file needs', () => {
    expect(applications("{application, x, [{vsn, \"1\"}, {applications, [kernel,\n  stdlib , ra]}, {env, []}]}.")).toEqual(['kernel', 'stdlib', 'ra'])
    expect(applications('{application, x, []}.')).toEqual([])
  })
  test('blocks of one PEM file begin on lines of their own', () => expect(onePem('-----END C-----', '-----BEGIN K-----\n')).toBe('-----END C-----\n-----BEGIN K-----\n'))
})

describe('Consul', () => {
  const ports = [0, 1, 2].map((i) => ({ https: 10 + i, server: 20 + i, serf: 30 + i }))
  const document = (version: string): any => consul.config(1, ports, '/d', { certificate: '/c', key: '/k', roots: '/r' }, { gossip: 'g', management: 'm', agent: 'a' }, version)

  test.each(['1.8.7', '1.21.0'])('version %s: HTTPS only, TLS 1.3, both sides checked, default deny', (version) => {
    const made = document(version)
    const tls = made.tls?.defaults ?? made
    expect(made.ports).toMatchObject({ https: 11, server: 21, serf_lan: 31, http: -1, dns: -1, grpc: -1, serf_wan: -1 })
    expect(tls).toMatchObject({ verify_incoming: true, verify_outgoing: true, tls_min_version: expect.stringMatching(/^(tls13|TLSv1_3)$/) })
    expect(made.tls?.internal_rpc?.verify_server_hostname ?? made.verify_server_hostname).toBe(true)
    expect(made.acl).toMatchObject({ enabled: true, default_policy: 'deny' })
    expect(Object.values(made.acl.tokens)).toEqual(['m', 'a'])
    expect(made.retry_join).toEqual(['127.0.0.1:30', '127.0.0.1:32'])
  })
  test('policies name each service and its nodes, and only the registrar writes', () => {
    expect(readerPolicy('edge', ['order']).rules).toBe('service "order" { policy = "read" }\nnode_prefix "order-" { policy = "read" }')
    expect(readerPolicy('edge', []).rules).toBe('')
    expect(registrarPolicy(['order']).rules.match(/"write"/g)).toHaveLength(3)
    expect(registrarPolicy(['order']).rules).not.toMatch(/_prefix ""|key|acl|operator/)
  })
})

describe('a machine that lacks parts', () => {
  test('one message: what, why, and the command of each system', () => {
    const message = describeMissing(['consul', 'softhsm'], 'offline', 'linux')
    for (const part of ['Consul 1.8.7', 'libsofthsm2', 'offline', 'apt-get install', 'dnf install', 'brew install', 'docker run']) expect(message).toContain(part)
    expect(message).not.toMatch(/PostgreSQL|rabbitmq-server|WSL2/)
    expect(describeMissing(['postgres'], 'x', 'win32')).toContain('WSL2')
  })
})
