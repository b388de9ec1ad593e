/**
 * Mutual TLS between workloads: TLS 1.3, our roots alone, and the peer known by its SPIFFE id (S4.2, S2.6).
 *
 * Host names prove nothing here: several workloads share an address. Sessions are never resumed, so that no
 * connection carries an older identity (S4.2), and connections are kept and bounded instead (S4.3).
 * @see https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
 */
import { constants, createHash, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket, type PeerCertificate, type SecureContext, type Server, type TlsOptions } from 'node:tls'
import { Pool, type buildConnector } from 'undici'
import type { Credentials, WorkloadIdentity } from './identity.ts'
import { problem } from './problem.ts'

export const PeerUnknown = problem('peer-unknown', 403, 'The peer is no workload of this mesh', 'Call with your own mesh certificate', 'MESH-DENY')

export type Peer = { spiffeId: string; workload: string; /** `x5t#S256` of its certificate. */ thumbprint: string }

/** For https.createServer and tls.createServer. 'optional' admits clients without a certificate; ask `peerOf` before trusting one. */
export function meshServerOptions(identity: WorkloadIdentity, { clientCertificate }: { clientCertificate: 'required' | 'optional' }): TlsOptions {
  const { key, certificate } = identity.mesh()
  return {
    key, cert: certificate, ca: identity.roots,
    requestCert: true, rejectUnauthorized: clientCertificate === 'required',
    minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: 5_000,
  }
}

/** New connections see the renewed certificate; kept ones live on, each at most as long as its client's certificate. */
export function keepFresh(server: Server, identity: WorkloadIdentity): void {
  identity.onRenewed((kind) => {
    if (kind === 'mesh') server.setSecureContext(meshServerOptions(identity, { clientCertificate: 'required' }))
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    const notAfter = socket.getPeerX509Certificate()?.validToDate.getTime()
    if (notAfter === undefined) return
    // A 32-bit timer ends after 24.8 days.
    const timer = setTimeout(() => socket.destroy(), Math.min(notAfter - Date.now(), 2 ** 31 - 1)).unref()
    socket.once('close', () => clearTimeout(timer))
  })
}

/**
 * Tells of clients refused before any HTTP: no certificate, another authority's, one that ran out, not for clients
 * (S2.6). Where a certificate is optional, one that does not verify is refused here: it is not the same as none.
 */
export function onHandshakeRefused(server: Server, listener: (refused: { reason: string; address: string | undefined }) => void): void {
  server.on('connection', (socket: Socket) => void socket.remoteAddress) // read now, it stays known after the end
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket & { _parent?: Socket }) => {
    listener({ reason: socket.authorizationError ? String(socket.authorizationError) : (error.code ?? error.message), address: socket.remoteAddress ?? socket._parent?.remoteAddress })
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized || !socket.getPeerX509Certificate()) return
    listener({ reason: String(socket.authorizationError), address: socket.remoteAddress })
    socket.destroy()
  })
}

const peers = new WeakMap<TLSSocket, { peer: Peer; path: string; notAfter: number }>()

/** The workload at the other end. Throws peer-unknown unless its certificate says exactly one identity of this trust domain, below `path`. */
export function peerOf(socket: TLSSocket, trustDomain: string, path: 'mesh' | 'data' = 'mesh'): Peer {
  let known = peers.get(socket)
  if (known?.path !== path) {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
    if (!certificate) throw PeerUnknown({ evidence: { reason: socket.authorizationError ? String(socket.authorizationError) : 'no certificate' } })
    known = { peer: readPeer(certificate, trustDomain, path), path, notAfter: certificate.validToDate.getTime() }
    peers.set(socket, known)
  }
  if (Date.now() > known.notAfter) throw PeerUnknown({ evidence: { reason: 'certificate ran out', spiffeId: known.peer.spiffeId } })
  return known.peer
}

/** For events and logs, where a peer may also be nobody. Decide by `peerOf`, never by this. */
export function spiffeIdOf(socket: Socket): string | undefined {
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate && uriNames(certificate)[0]
}

/** Reads the SPIFFE id as bytes: no case folding, no decoding, no normalizing; common name and DNS names do not count. */
export function readPeer(certificate: X509Certificate, trustDomain: string, path: 'mesh' | 'data' = 'mesh'): Peer {
  const uris = uriNames(certificate)
  const id = uris[0]
  const prefix = `spiffe://${trustDomain}/${path}/`
  const workload = id?.startsWith(prefix) ? id.slice(prefix.length) : ''
  if (uris.length !== 1 || !/^[a-z][a-z0-9-]{0,62}$/.test(workload)) throw PeerUnknown({ evidence: { reason: `no ${path} identity`, names: uris.slice(0, 3).map((u) => u.slice(0, 128)) } })
  return { spiffeId: id!, workload, thumbprint: createHash('sha256').update(certificate.raw).digest('base64url') }
}

/** URI names of a certificate. Node quotes a name that could be read as two; we have no such names and read none. */
export function uriNames({ subjectAltName }: { subjectAltName: string | undefined }): string[] {
  const names = subjectAltName ?? ''
  return names.includes('"') ? [] : names.split(', ').filter((n) => n.startsWith('URI:')).map((n) => n.slice(4))
}

const contexts = new WeakMap<Credentials, SecureContext>()
const anonymous = new Map<string, SecureContext>()

/** One context for all connections of the same credentials: half the cost of a handshake is building it. */
function contextOf(credentials: Credentials | null, roots: string): SecureContext {
  let context = credentials ? contexts.get(credentials) : anonymous.get(roots)
  if (!context) {
    context = createSecureContext({ ca: roots, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ...(credentials && { key: credentials.key, cert: credentials.certificate }) })
    if (credentials) contexts.set(credentials, context)
    else anonymous.set(roots, context)
  }
  return context
}

/** undici's `connect`: our certificate (null: none yet), and a server that is `expectedSpiffeId`, whatever its host name. */
export function meshConnect(credentials: Credentials | null, roots: string, expectedSpiffeId: string): buildConnector.BuildOptions {
  return {
    secureContext: contextOf(credentials, roots), rejectUnauthorized: true, timeout: 2_000, maxCachedSessions: 0, allowH2: false,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
      const uris = uriNames({ subjectAltName: certificate.subjectaltname })
      if (uris.length === 1 && uris[0] === expectedSpiffeId) return undefined
      return Object.assign(new Error(`the server is not ${expectedSpiffeId}`), { code: 'ERR_PEER_IDENTITY', names: uris.slice(0, 3) })
    },
  }
}

export type MeshPool = {
  /**
   * The pool of these credentials (default: the present ones). One request takes `identity.mesh()` once and uses it
   * for its token and its connection, so that the token fits the certificate. Send one Host value per pool: undici
   * makes a new connection when it changes.
   */
  dispatcher(credentials?: Credentials): Pool
  close(): Promise<void>
}

/**
 * Kept connections to one peer, none older than a quarter of our certificate's life. After a renewal the old pool ends
 * gracefully. `connections`, at most: each costs a sudden crowd a handshake, and a request that finds all busy must wait.
 */
export function createMeshPool(identity: WorkloadIdentity, origin: string, expectedWorkload: string, { connections = 32, connect = meshConnect }: { connections?: number; connect?: typeof meshConnect } = {}): MeshPool {
  const expected = `spiffe://${identity.trustDomain}/mesh/${expectedWorkload}`
  const pools = new Map<Credentials, Pool>()
  let present = identity.mesh()
  let isClosed = false

  function open(credentials: Credentials): Pool {
    const left = credentials.notAfter.getTime() - Date.now()
    const pool = new Pool(origin, {
      connect: connect(credentials, identity.roots, expected), connections, allowH2: false, pipelining: 1, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 60_000,
    })
    pools.set(credentials, pool)
    // undici's own clientTtl looks at every connection's age for every request.
    endAfter(Math.max(500, left / 4), credentials, pool)
    if (credentials !== identity.mesh()) retire(credentials, pool)
    return pool
  }

  /** Requests under way may hold old credentials: their pool takes no new ones after a third of what is left. */
  function retire(credentials: Credentials, pool: Pool): void {
    endAfter(Math.min(10_000, Math.max(0, (credentials.notAfter.getTime() - Date.now()) / 3)), credentials, pool)
  }

  function endAfter(ms: number, credentials: Credentials, pool: Pool): void {
    setTimeout(() => {
      if (pools.get(credentials) === pool) pools.delete(credentials)
      void pool.close().catch(() => undefined)
    }, ms).unref()
  }

  return {
    dispatcher(credentials = identity.mesh()) {
      if (isClosed) throw new Error(`the pool to ${expectedWorkload} is closed`)
      // Looked at here and not on renewal: a pool that nobody uses keeps no listener, and its idle connections end by themselves.
      if (present !== identity.mesh()) {
        const old = pools.get(present)
        if (old) retire(present, old)
        present = identity.mesh()
      }
      return pools.get(credentials) ?? open(credentials)
    },
    async close() {
      isClosed = true
      await Promise.all([...pools.values()].map(closeInTime))
      pools.clear()
    },
  }
}

const GRACE_MS = 2_000

/** Requests under way may end; one that hangs does not keep the process. */
function closeInTime(pool: Pool): Promise<void> {
  let late: NodeJS.Timeout
  const given = new Promise<void>((resolve) => { late = setTimeout(() => void pool.destroy().then(resolve, resolve), GRACE_MS) })
  return Promise.race([pool.close(), given]).finally(() => clearTimeout(late))
}

/** For pg and amqplib: our data certificate, and a server whose DNS name is `serverName`. Call it for every new connection. */
export function dataClientTls(identity: WorkloadIdentity, serverName: string): { ca: string; key: string; cert: string; servername: string; minVersion: 'TLSv1.3'; rejectUnauthorized: true } {
  const { key, certificate } = identity.data()
  return { ca: identity.roots, key, cert: certificate, servername: serverName, minVersion: 'TLSv1.3', rejectUnauthorized: true }
}
