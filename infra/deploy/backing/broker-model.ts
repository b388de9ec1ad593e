/** What the broker holds, derived from the model: who may publish and read what, and which queue gets which topic. Pure. */
import type { Service } from '@shop/chassis/service.ts'

export const VHOST = 'shop'
/** Topic exchange: every event, its topic as routing key. */
export const EVENTS = 'shop.events'
/** Direct exchange: what a service could not handle, by the service's name. The topic is kept in the header x-death. */
export const DEAD = 'shop.dead'
/** Headers exchange: hands a dead letter back to the one service named in header `to`, under its old topic. */
export const REPLAY = 'shop.replay'
/** Takes the publish that proves a start; keeps one message. */
export const READY = 'runner.ready'
/** The runner's user; its certificate has this common name. */
export const RUNNER = 'runner'
/** Of one user: several times what eight instances of a service need, and far from all that the broker takes (S13.4). */
export const USER_LIMITS = { 'max-connections': 64, 'max-channels': 256 }
/** Attempts before an event becomes a dead letter. */
const DELIVERY_LIMIT = 8

const exactly = (names: string[]) => (names.length === 0 ? '^$' : `^(${names.map((name) => name.replaceAll(/[^\w-]/g, '\\$&')).join('|')})$`)
const NOTHING = '^$'
const deadQueue = (service: string) => `${service}.dead`

type Arguments = Record<string, string | number>
export type Binding = { source: string; vhost: string; destination: string; destination_type: 'queue'; routing_key: string; arguments: Arguments }
export type Definitions = {
  users: { name: string; password_hash: ''; hashing_algorithm: string; tags: string[]; limits: object }[]
  vhosts: { name: string }[]
  permissions: { user: string; vhost: string; configure: string; write: string; read: string }[]
  topic_permissions: { user: string; vhost: string; exchange: string; write: string; read: string }[]
  exchanges: { name: string; vhost: string; type: string; durable: boolean; auto_delete: boolean; internal: boolean; arguments: object }[]
  queues: { name: string; vhost: string; durable: boolean; auto_delete: boolean; arguments: Arguments }[]
  bindings: Binding[]
}

/**
 * Nobody may declare anything; a service publishes its own topics only and reads its own queue only; the runner
 * reads dead letters and hands them back. Users have no password: the client certificate is the login (S4.2).
 * Throws, naming it, when a topic is subscribed that no service publishes.
 * @see https://www.rabbitmq.com/docs/access-control
 */
export function definitions(services: Service[]): Definitions {
  const published = new Set(services.flatMap((service) => service.publishes))
  for (const { name, subscribes } of services)
    for (const topic of subscribes) if (!published.has(topic)) throw new Error(`${name} subscribes to '${topic}', which no service publishes; known are ${[...published].join(', ')}`)
  const readers = services.filter((service) => service.subscribes.length > 0)
  const vhost = VHOST
  const user = (name: string) => ({ name, password_hash: '' as const, hashing_algorithm: 'rabbit_password_hashing_sha256', tags: [], limits: USER_LIMITS })
  const exchange = (name: string, type: string) => ({ name, vhost, type, durable: true, auto_delete: false, internal: false, arguments: {} })
  const queue = (name: string, more: Arguments) => ({ name, vhost, durable: true, auto_delete: false, arguments: { 'x-queue-type': 'quorum', ...more } })
  const bind = (source: string, destination: string, routing_key: string, more: Arguments = {}): Binding => ({ source, vhost, destination, destination_type: 'queue', routing_key, arguments: more })
  return {
    users: [...services.map(({ name }) => user(name)), user(RUNNER)],
    vhosts: [{ name: vhost }],
    permissions: [
      ...services.map(({ name, publishes, subscribes }) => ({ user: name, vhost, configure: NOTHING, write: exactly(publishes.length ? [EVENTS] : []), read: exactly(subscribes.length ? [name] : []) })),
      { user: RUNNER, vhost, configure: NOTHING, write: exactly([REPLAY]), read: exactly(readers.map(({ name }) => deadQueue(name))) },
    ],
    topic_permissions: [...services.map(({ name, publishes }) => ({ user: name, vhost, exchange: EVENTS, write: exactly(publishes), read: NOTHING })), { user: RUNNER, vhost, exchange: EVENTS, write: NOTHING, read: NOTHING }],
    exchanges: [exchange(EVENTS, 'topic'), exchange(DEAD, 'direct'), exchange(REPLAY, 'headers')],
    queues: [
      ...readers.flatMap(({ name }) => [
        queue(name, { 'x-delivery-limit': DELIVERY_LIMIT, 'x-dead-letter-exchange': DEAD, 'x-dead-letter-routing-key': name, 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }),
        queue(deadQueue(name), {}),
      ]),
      queue(READY, { 'x-max-length': 1 }),
    ],
    bindings: [
      ...readers.flatMap(({ name, subscribes }) => [
        ...subscribes.map((topic) => bind(EVENTS, name, topic)),
        bind(DEAD, deadQueue(name), name),
        bind(REPLAY, name, '', { 'x-match': 'all', to: name }),
      ]),
      bind(REPLAY, READY, '', { 'x-match': 'all', to: READY }),
    ],
  }
}
