/**
 * RabbitMQ, started as Erlang's machine itself: TLS 1.3 only, login by client certificate, no management, no epmd,
 * Erlang's distribution on loopback under a cookie of its own (S4.2, S5.1).
 */
import { cp, glob, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import amqp from 'amqplib'
import { READY, REPLAY, VHOST, type Definitions } from './broker-model.ts'
import { makePrivate, writePrivate } from './files.ts'
import type { Rabbitmq } from './parts.ts'
import { run } from './run.ts'
import type { Owner, SpawnSpec } from './spawn-spec.ts'

/** `pem`: key and chain in one file, so that a renewal is one rename and is never seen torn. */
export type RabbitmqFiles = { pem: string; roots: string }
/** Text of that file. Erlang finds no key where a block does not begin on a line of its own, and then answers nobody. */
export const onePem = (certificate: string, key: string): string => `${certificate.trim()}\n${key.trim()}\n`
/** `dir` is the broker's own: its configuration, its home with the cookie, its data. */
export type RabbitmqPlace = { dir: string; port: number; distributionPort: number }

/** A user who had more rights since that moment, Unix ms. */
export type Narrowed = { user: string; since: number }

const NODE = 'mq@localhost'
const APPLICATION = 'rabbitmq_auth_mechanism_ssl'

/** rabbitmq.conf. @see https://www.rabbitmq.com/docs/configure */
export const config = (place: RabbitmqPlace, files: RabbitmqFiles): string => `listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:${place.port}
ssl_options.cacertfile = ${files.roots}
ssl_options.certfile = ${files.pem}
ssl_options.keyfile = ${files.pem}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.depth = 2
ssl_options.versions.1 = tlsv1.3
auth_mechanisms.1 = EXTERNAL
ssl_cert_login_from = common_name
default_vhost = ${VHOST}
load_definitions = ${join(place.dir, 'definitions.json')}
max_message_size = 262144
vm_memory_high_watermark.absolute = 256MiB
disk_free_limit.absolute = 200MB
raft.wal_max_size_bytes = 33554432
log.console = true
log.console.level = info
log.file = false
`

/** Writes everything the broker reads. Any earlier start's files are replaced; data and cookie's owner are kept. */
export async function prepare(part: Rabbitmq, place: RabbitmqPlace, files: RabbitmqFiles, wanted: Definitions, cookie: string, owner: Owner): Promise<void> {
  for (const folder of [place.dir, join(place.dir, 'home'), join(place.dir, 'data'), join(place.dir, 'log')]) await makePrivate(folder, owner)
  await linkPlugins(part, join(place.dir, 'plugins'))
  await writePrivate(join(place.dir, 'home', '.erlang.cookie'), cookie, owner, 0o400)
  await writePrivate(join(place.dir, 'rabbitmq.conf'), config(place, files), owner)
  await writePrivate(join(place.dir, 'definitions.json'), JSON.stringify(wanted), owner)
  await writePrivate(join(place.dir, 'enabled_plugins'), `[${APPLICATION}].\n`, owner)
}

/** A folder of links to the applications that are needed and no others: their list decides how long a start takes. */
async function linkPlugins(part: Rabbitmq, folder: string): Promise<void> {
  const files = new Map<string, string>()
  for await (const path of glob(`${part.home}/plugins/*/ebin/*.app`)) files.set(basename(path, '.app'), path)
  const needed = new Set<string>()
  const need = async (name: string): Promise<void> => {
    const path = files.get(name)
    if (!path || needed.has(name)) return
    needed.add(name)
    for (const next of applications(await readFile(path, 'utf8'))) await need(next)
  }
  await need(APPLICATION)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o755 })
  // Where plugins are archives, as some distributions ship them, there is nothing to choose from.
  if (needed.size === 0) return cp(join(part.home, 'plugins'), folder, { recursive: true })
  for (const name of needed) {
    const plugin = join(files.get(name) as string, '../..')
    await symlink(plugin, join(folder, basename(plugin)))
  }
}

/** The applications that an .app file names as needed. */
export const applications = (app: string): string[] => app.match(/\{\s*applications\s*,\s*\[([^\]]*)\]/)?.[1]?.split(',').map((name) => name.trim()).filter(Boolean) ?? []

const erlang = (part: Rabbitmq, place: RabbitmqPlace): Record<string, string> => ({
  HOME: join(place.dir, 'home'), PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ROOTDIR: part.erlang, BINDIR: part.erts, EMU: 'beam', PROGNAME: 'erl', ERL_CRASH_DUMP_SECONDS: '0',
  ...(part.libraryPath && { LD_LIBRARY_PATH: part.libraryPath }),
})
const quiet = (place: RabbitmqPlace) => ['-start_epmd', 'false', '-erl_epmd_port', `${place.distributionPort}`]

/** Erlang says of a handshake that it refuses not whose it was: here the process that logs it looks at its own socket. */
const NAME_PEERS = `logger:add_primary_filter(peer, {fun(#{msg := {report, #{alerter := own} = Report}} = Event, _) ->
  {links, Links} = process_info(self(), links),
  Peers = [inet:ntoa(Ip) || Port <- Links, is_port(Port), {ok, {Ip, _}} <- [inet:peername(Port)]],
  {Format, Arguments} = ssl_logger:format(Report),
  Event#{msg := {"TLS refused ~p: " ++ Format, [Peers | Arguments]}};
  (_, _) -> ignore end, []}).`.replaceAll(/\s+/g, ' ')

export const spawnSpec = (part: Rabbitmq, place: RabbitmqPlace): SpawnSpec => {
  const at = (name: string) => join(place.dir, name)
  return {
    command: join(part.erts, 'erlexec'),
    args: ['-noinput', '-eval', NAME_PEERS, '-s', 'rabbit', 'boot', '-boot', join(part.erlang, 'bin/start_sasl'), '+W', 'w', '+MBas', 'ageffcbf', '+MHas', 'ageffcbf', '+MBlmbcs', '512', '+MHlmbcs', '512', '+MMmcs', '30',
      '+P', '65536', '+t', '1048576', '+stbt', 'u', '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none', '+B', 'i', ...quiet(place), '-sname', NODE,
      '-kernel', 'inet_dist_use_interface', '{127,0,0,1}', '-kernel', 'prevent_overlapping_partitions', 'false', '-ssl', 'ssl_pem_cache_clean', '2000',
      '-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'],
    env: {
      ...erlang(part, place), ERL_LIBS: at('plugins'), ERL_MAX_PORTS: '1024', ERL_MAX_ETS_TABLES: '50000', RABBITMQ_HOME: part.home, RABBITMQ_PLUGINS_DIR: at('plugins'), RABBITMQ_NODENAME: NODE,
      RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'), RABBITMQ_ADVANCED_CONFIG_FILE: at('advanced.config'), RABBITMQ_MNESIA_BASE: at('data'), RABBITMQ_LOG_BASE: at('log'), RABBITMQ_LOGS: '-',
      RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'), RABBITMQ_FEATURE_FLAGS_FILE: at('data/feature_flags'), RABBITMQ_GENERATED_CONFIG_DIR: at('data/config'), RABBITMQ_PID_FILE: at('data/pid'),
      RABBITMQ_DIST_PORT: `${place.distributionPort}`, RABBITMQ_CONF_ENV_FILE: '/dev/null',
    },
    cwd: place.dir,
    stopSignal: 'SIGTERM',
    reload: undefined, // it looks for new files every two seconds
  }
}

const term = (text: string) => `<<${JSON.stringify(text)}/utf8>>`
const list = (items: string[]) => `[${items.join(',')}]`

/**
 * The Erlang program that holds a running broker to `wanted`: loading definitions only adds. Users, virtual hosts,
 * permissions and bindings that the model does not name go; what it names is set again. Deleting a user closes its
 * connections. Queues stay, whatever they hold. A channel remembers what it was once allowed, so what a user of
 * `narrowed` opened since then (Unix ms) is closed.
 */
export function ensureProgram(wanted: Definitions, narrowed: Narrowed[] = []): string {
  const by = term('runner')
  const [vhost] = wanted.vhosts.map(({ name }) => term(name)) as [string]
  const auth = 'rabbit_auth_backend_internal'
  return [
    `R = fun(M,F,A) -> case rpc:call('${NODE}',M,F,A,10000) of {badrpc,E} -> io:format(standard_error,"~p:~p ~p~n",[M,F,E]), halt(1); X -> X end end`,
    `Users = ${list(wanted.users.map(({ name }) => term(name)))}`,
    `[R(${auth},delete_user,[U,${by}]) || P <- R(${auth},list_users,[]), U <- [proplists:get_value(user,P)], not lists:member(U,Users)]`,
    `[R(rabbit_vhost,delete,[V,${by}]) || V <- R(rabbit_vhost,list_names,[]), V =/= ${vhost}]`,
    `[R(${auth},set_tags,[U,[],${by}]) || U <- Users]`,
    ...wanted.permissions.map((p) => `R(${auth},set_permissions,${list([p.user, p.vhost, p.configure, p.write, p.read].map(term).concat(by))})`),
    ...wanted.topic_permissions.map((p) => `R(${auth},set_topic_permissions,${list([p.user, p.vhost, p.exchange, p.write, p.read].map(term).concat(by))})`),
    `Topics = ${list(wanted.topic_permissions.map((p) => `{${term(p.user)},${term(p.exchange)}}`))}`,
    `[R(${auth},clear_topic_permissions,[U,${vhost},X,${by}]) || P <- R(${auth},list_vhost_topic_permissions,[${vhost}]), U <- [proplists:get_value(user,P)], X <- [proplists:get_value(exchange,P)], not lists:member({U,X},Topics)]`,
    `Bindings = ${list(wanted.bindings.map((b) => `{${term(b.source)},${term(b.routing_key)},${term(b.destination)}}`))}`,
    `[R(rabbit_binding,remove,[B,${by}]) || B <- R(rabbit_binding,list,[${vhost}]), S <- [element(4,element(2,B))], S =/= <<>>, not lists:member({S,element(3,B),element(4,element(4,B))},Bindings)]`,
    ...narrowed.map(({ user, since }) =>
      `[R(rabbit_networking,close_connection,[P,"its rights are fewer now"]) || [{pid,P},{user,U},{connected_at,T}] <- R(rabbit_networking,connection_info_all,[[pid,user,connected_at]]), U =:= ${term(user)}, T >= ${since}]`),
    'io:format("held")',
    'halt(0).',
  ].join(', ')
}

/** Holds the running broker to `wanted`. Speaks Erlang's distribution, so it runs as the broker's user with its cookie. */
export async function ensureUsers(part: Rabbitmq, place: RabbitmqPlace, wanted: Definitions, owner: Owner, narrowed: Narrowed[] = []): Promise<void> {
  const args = ['-boot', join(part.erlang, 'bin/start_clean'), '-noinput', '-hidden', '-dist_listen', 'false', ...quiet(place), '-sname', 'ctl@localhost', '-eval', ensureProgram(wanted, narrowed)]
  const said = await run(join(part.erts, 'erlexec'), args, { cwd: place.dir, env: erlang(part, place), timeoutMs: 30_000, ...owner })
  if (!said.endsWith('held')) throw new Error(`RabbitMQ could not be held to the model: ${said}`)
}

/** `tls`: PEM text of the roots and of the runner's certificate and key. */
export type RunnerDoor = { port: number; serverName: string; tls: { ca: string; cert: string; key: string } }

/** A connection as the runner. Throws what TLS or the broker says. */
export const connectRunner = ({ port, serverName, tls }: RunnerDoor): Promise<amqp.ChannelModel> =>
  amqp.connect({ protocol: 'amqps', hostname: '127.0.0.1', port, vhost: VHOST, heartbeat: 10, username: '', password: '' },
    { ...tls, servername: serverName, minVersion: 'TLSv1.3', timeout: 5_000, credentials: amqp.credentials.external() })

/** True when a quorum queue has confirmed a message: the port alone opens before queues have leaders. Throws when refused for good. */
export async function ready(door: RunnerDoor): Promise<boolean> {
  let connection: amqp.ChannelModel
  try {
    connection = await connectRunner(door)
  } catch (error) {
    if (/^ERR_|CERT|ACCESS.REFUSED/.test(`${(error as { code?: string }).code ?? ''} ${(error as Error).message}`)) throw error
    return false
  }
  connection.on('error', () => {})
  try {
    const channel = await connection.createConfirmChannel()
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 2_000)
      const answer = (isReady: boolean) => { clearTimeout(timer); resolve(isReady) }
      channel.on('error', () => answer(false)).on('return', () => answer(false))
      channel.publish(REPLAY, '', Buffer.from('ready'), { headers: { to: READY }, mandatory: true, persistent: true }, (error) => answer(!error))
    })
  } catch {
    return false
  } finally {
    await connection.close().catch(() => {})
  }
}
