/**
 * The one table of what the lab can leave out (T7): control → strategies → where, and by which entry point.
 *
 * Production's `main.ts` files have no switch. The lab starts another entry point beside the running process, which
 * composes the same parts without the one named control; or it lends one identity a right in a store that has no code
 * of ours. The runner leases either and takes it back.
 */
export type Place = {
  /** Kinds, workloads, both ('order service') or names of processes that hold the control. */
  processes: string[]
  /** Below infra/lab. */
  entry: string
}
/** As in infra/deploy/backing/grants.ts: the whole virtual host; reading the database of `on`; Consul's ACL rules. */
export type Grant = { store: 'broker'; to: string } | { store: 'database'; to: string; on: string } | { store: 'registry'; to: string; rules: string } | { store: 'gossip'; to: 'anyone'; key: string }
export type Control = {
  /** As in the pipeline that holds it, in events and in the attack report. */
  name: string
  strategies: string[]
  /** Where one rule is kept in two places, both leave it out: else the second hides that the first is gone. */
  places: (Place | Grant)[]
}

const micro: Place = { processes: ['micro-gateway'], entry: 'micro.ts' }
const edge: Place = { processes: ['edge'], entry: 'edge.ts' }
const access: Place = { processes: ['access'], entry: 'access.ts' }
const exchange: Place = { processes: ['exchange'], entry: 'exchange.ts' }
const registry: Place = { processes: ['registry'], entry: 'registry.ts' }
const registrar: Place = { processes: ['registrar'], entry: 'registrar.ts' }
const service = (...processes: string[]): Place => ({ processes, entry: 'service.ts' })
/** Two rules alone say who may read and write the list: the gateway's, and Consul's own for the token. */
const inConsul = (to: string, rules: string): Grant => ({ store: 'registry', to, rules })
const mayWrite = (node: string) => `service "order" { policy = "write" }\nnode "${node}" { policy = "write" }`
const row = (strategies: string, name: string, ...places: (Place | Grant)[]): Control => ({ name, strategies: strategies.split(' '), places })

export const controls: Control[] = [
  row('S2.5',        'check-audience',         micro),
  row('S2.5',        'check-scope',            micro),
  row('S2.5 S11.1',  'check-binding',          micro),
  row('S4.2',        'verify-peer',            micro, exchange),
  row('S13.1 S13.2', 'pair-policy',            micro, exchange),
  row('S12.5 S2.5',  'narrowing',              exchange),
  row('S12.5',       'subject-token',          exchange),
  row('S12.5',       'actor-from-certificate', exchange),
  row('S2.6 S4.2',   'mutual-tls',             micro),
  row('S1.2 S10.3',  'refuse-tokens',          edge),
  row('S5.1 T1',     'canonical-request',      edge),
  row('S5.1 T1',     'method-allow-list',      edge),
  row('S5.1 T1',     'inspect',                edge),
  row('S5.1 T1',     'strict-json',            edge),
  row('S4.1',        'match-operation',        edge),
  row('S12.5',       'token-cache-key',        edge),
  row('S12.5 S2.2',  'forget-on-change',       edge),
  row('S4.3',        'clean-connections',      edge),
  row('S4.3',        'own-certificate',        edge),
  row('S2.4 S12.5',  'verify-token',           micro),
  row('S4.2',        'verify-certificate',     micro),
  row('S10.1',       'seal-session',           edge),
  row('S10.1 T1',    'same-origin',            edge),
  row('S2.1',        'authorize-coarsely',     edge),
  row('A5',          'broker-topics',          { store: 'broker', to: 'shipping' }),
  row('A6',          'database-role',          { store: 'database', to: 'order', on: 'billing' }),
  row('S3.3',        'registry-tls',           registry),
  // The key that stands as an example in Consul's manual.
  row('S3.3',        'gossip-key',             { store: 'gossip', to: 'anyone', key: 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvYwy7Cu5s=' }),
  row('S3.3',        'registry-peer',          edge),
  row('S3.4 S3.5',   'registry-write',         registry, inConsul('shipping', `${mayWrite('order-9')}\nnode "order-7" { policy = "write" }`)),
  row('S3.4',        'registry-read',          registry, inConsul('shipping', 'service_prefix "" { policy = "read" }\nnode_prefix "" { policy = "read" }')),
  row('S3.5',        'registrar-only-token',   registry, inConsul('order', mayWrite('order-8'))),
  row('S3.4 S7.2',   'peer-id',                edge, micro),
  row('S3.6',        'check-before-register',  registrar),
  row('S10.3',       'request-headers',        edge, micro),
  row('S4.1 S10.3',  'response-headers',       edge, micro),
  row('S2.6',        'socket-ownership',       service('order-1')),
  row('A5',          'event-signature',        service('order service')),
  row('A5 A6',       'inbox-dedup',            service('order service')),
  row('A2',          'server-price',           service('order service')),
  // An assumption rather than a control: left out, one instance does what its attacker wants. Attacks by SVC begin here.
  row('T8',          'service-integrity',      service('catalog-1')),
  // Likewise: left out, access decides by rules that are stricter.
  row('S2.1',        'released-rules',         access),
  row('S12.4 S13.5', 'trace',                  edge),
]
