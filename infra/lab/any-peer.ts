/** Lab only: connections to whoever answers with a certificate of our authority, whoever it is (leaves out S7.2, S3.4). */
import { createMeshPool, meshConnect } from '@shop/chassis/tls.ts'
import { createConnect } from '@shop/gateway/upstream/connect.ts'

const anyone: typeof meshConnect = (credentials, roots, expected) => ({ ...meshConnect(credentials, roots, expected), checkServerIdentity: () => undefined })

export const connectToAnyPeer: typeof createConnect = (identity, externalRoots) =>
  createConnect(identity, externalRoots, (own, origin, workload, options) => createMeshPool(own, origin, workload, { ...options, connect: anyone }))

/** Who answers where the registry should is the registry, whoever made its certificate (leaves out S3.3). */
const whoever: typeof meshConnect = (...who) => ({ ...anyone(...who), rejectUnauthorized: false })

export const connectToAnyRegistry: typeof createConnect = (identity, externalRoots) =>
  createConnect(identity, externalRoots, (own, origin, workload, options) => createMeshPool(own, origin, workload, { ...options, ...(workload === 'registry' && { connect: whoever }) }))
