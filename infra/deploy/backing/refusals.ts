/**
 * What the stores refused, read from the lines they log (S5.1). They have no code of ours that could report it.
 *
 * Parts of these lines are an attacker's: a user name, a routing key, a message raised in SQL. So a reader takes what
 * stands where only the store itself can write, and an event holds no more of a line than what is named here.
 */
import type { SecurityEvent } from '@shop/chassis/security-event.ts'

type Refusal = SecurityEvent['data']
/** Given every line in its order; answers what the line says was refused. */
export type ReadRefusal = (line: string) => Refusal | undefined

/** One workload took as many as it may have. */
const tooMany = (store: 'database' | 'broker', who: { subject?: string; address: string }): Refusal => ({ detection: 'OVERLOAD', control: `${store}-connections`, strategies: ['S13.4'], code: 'too-many-connections', severity: 'medium', ...who })

const handshake = (address: string): Refusal => ({ detection: 'MTLS-REJECT', control: 'mutual-tls', strategies: ['S2.6', 'S4.2'], code: 'handshake-refused', severity: 'medium', address })

/** As many sessions as are remembered: several times of what the server takes. */
const SESSIONS = 500

/**
 * PostgreSQL puts a tab before each further line of a message, but prints a role's name as it came: so the prefix has
 * none, and who it is comes from the line of that session's log-in. By SQLSTATE: 42501 is a missing right, class 28 a
 * log-in that was refused, 53300 one too many.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function readPostgres(): ReadRefusal {
  const sessions = new Map<string, string>()
  return (line) => {
    const [, pid, address, state, level, message] = line.match(/^\d{4}-\d\d-\d\d \S+ \S+ \[(\d+)\] ([\d.]+) (\w{5}) ([A-Z]+): {2}(.*)$/) ?? []
    if (!pid || !address || !state || message === undefined) return undefined
    if (level === 'LOG') {
      if (message.startsWith('could not accept SSL connection')) return handshake(address)
      if (message.startsWith('connection received: ')) sessions.delete(pid)
      const [, name] = message.match(/^connection authenticated: identity="CN=([a-z0-9_-]{1,63})" method=cert /) ?? []
      if (name) sessions.set(pid, name)
      if (sessions.size > SESSIONS) sessions.delete(sessions.keys().next().value as string)
      return undefined
    }
    if (level !== 'ERROR' && level !== 'FATAL') return undefined
    if (message === 'connection requires a valid client certificate') return handshake(address)
    const subject = sessions.get(pid)
    if (state === '53300') return tooMany('database', { ...(subject && { subject }), address })
    if (state !== '42501' && !state.startsWith('28')) return undefined
    return { detection: 'ACE3', control: 'database-role', strategies: ['A6'], code: 'database-denied', severity: 'high', ...(subject && { subject }), address, reason: `SQLSTATE ${state}` }
  }
}

/**
 * RabbitMQ begins each line of a message with the message's own time and process; a routing key may hold a line break.
 * So the first line of a message says who, the second what, and no other is looked at.
 */
export function readRabbitmq(): ReadRefusal {
  let message = ''
  let count = 0
  let head: { address: string; subject?: string } | undefined
  return (line) => {
    const [, own, text = ''] = line.match(/^(\S+ \S+ \[[a-z]+\] <[\d.]+>) (.*)$/) ?? []
    if (!own) return undefined
    count = own === message ? count + 1 : 1
    message = own
    if (count === 1) {
      const [, refused] = text.match(/^TLS refused \["([\d.]+)"\]: /) ?? []
      if (refused) return handshake(refused)
      const [, address, subject] = text.match(/^(?:Channel error|Error) on (?:AMQP )?connection <[\d.]+> \(([\d.]+):\d+ -> [\d.]+:\d+(?:, vhost: '[^']*')?(?:, user: '([a-z0-9_-]{1,63})')?[^)]*\)/) ?? []
      head = address ? { address, ...(subject && { subject }) } : undefined
      return undefined
    }
    if (count > 2 || !head) return undefined
    if (/^\s*(?:connection refused for user '[^']*': user connection limit|operation none caused a connection exception not_allowed: "number of channels opened for user)/.test(text)) return tooMany('broker', head)
    const [, operation] = text.match(/^\s*operation ([a-z.-]{1,40}) caused a (?:channel|connection) exception (?:access_refused: |precondition_failed: user_id property set to )/) ?? []
    if (!operation && !/^\s*(?:access to vhost|vhost .* not found$|[A-Z]+ login refused)/.test(text)) return undefined
    return { detection: 'BROKER-DENY', control: 'broker-topics', strategies: ['A5'], code: 'broker-denied', severity: 'high', ...head, ...(operation && { operation }) }
  }
}

/** Told by Consul's gossip before anything of the message is read: in plain text, or under a key that is none of ours. */
const UNKEYED = /^memberlist: (?:failed to receive|Decrypt packet failed): (?:Encryption is configured but remote state is not encrypted|No installed keys could decrypt the message|Payload is too small to decrypt: \d+) from=([\d.]+):\d+$/

/** Consul in JSON, where nothing can break out of a string. It does not log whose token it was, nor a handshake that it refused. */
export function readConsul(): ReadRefusal {
  return (line) => {
    let said: Record<string, unknown>
    try {
      said = JSON.parse(line) ?? {}
    } catch {
      return undefined
    }
    const { '@message': message, error, from, method, url } = said
    const [, stranger] = UNKEYED.exec(String(message)) ?? []
    if (stranger) return { detection: 'REGISTRY-DENY', control: 'gossip-key', strategies: ['S3.3'], code: 'gossip-refused', severity: 'high', address: stranger }
    if (message !== 'Request error' || typeof from !== 'string' || !/Permission denied|ACL not found/.test(String(error))) return undefined
    // The runner asks for tokens and policies that it is about to make.
    if (/ACL not found/.test(String(error)) && String(url).startsWith('/v1/acl/')) return undefined
    const control = method === 'GET' ? { control: 'registry-read', strategies: ['S3.4'] } : { control: 'registry-write', strategies: ['S3.4', 'S3.5'] }
    return { detection: 'REGISTRY-DENY', ...control, code: 'registry-denied', severity: 'high', address: from.replace(/:\d+$/, '').slice(0, 64), ...(/^[A-Z]{3,6}$/.test(String(method)) && { operation: String(method) }) }
  }
}
