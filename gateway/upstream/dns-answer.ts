/**
 * What the resolver says to one packet (S7.3). Pure: the asked bytes and the admitted lists in, the answer's bytes out.
 * No recursion and no SOA, so nothing that is absent now is remembered as absent (RFC 2308 §5).
 * @see https://www.rfc-editor.org/rfc/rfc1035 §4, rfc2782 (SRV), rfc2181 §9 (truncation), rfc6891 (EDNS)
 */
import * as dns from 'dns-packet'
import type { Instance, Listing } from './directory.ts'

export type Names = {
  trustDomain: string
  /** Undefined: policy does not let this workload call it. Revision 0: nothing is known of it. */
  admitted(service: string): Listing | undefined
}
export type Reply = { bytes: Buffer; /** Asked for, and not ours to tell. */ denied?: string }
type Found = { rcode: number; answers?: dns.Answer[]; additionals?: dns.Answer[] }

export const RCODE = { ok: 0, malformed: 1, failed: 2, absent: 3, notImplemented: 4, refused: 5, badVersion: 16 }
const TTL_SECONDS = 1
/** Fits every path without fragments (dnsflagday.net/2020). */
const UDP_MOST = 1_232
const OPCODE = 0x7800

/** Null for what is no question: a scrap without header, or an answer (two servers must never talk to each other). */
export function answer(query: Buffer, names: Names, transport: 'udp' | 'tcp', isOverLimit = false): Reply | null {
  if (query.length < 12 || query.readUInt16BE(2) & 0x8000) return null
  if (isOverLimit) return { bytes: bare(query, RCODE.refused) }
  if (query.readUInt16BE(2) & OPCODE) return { bytes: bare(query, RCODE.notImplemented) }
  const asked = read(query)
  if (!asked) return { bytes: bare(query, RCODE.malformed) }
  const { question, opt } = asked
  const name = question.name.toLowerCase()
  const found = opt?.ednsVersion ? { rcode: RCODE.badVersion } : question.class === 'IN' ? find(name, question.type, names) : { rcode: RCODE.refused }
  const limit = transport === 'tcp' ? 65_535 : Math.max(512, Math.min(opt?.udpPayloadSize ?? 512, UDP_MOST))
  const bytes = encode(query, asked, found, limit)
  return { bytes, ...(found.rcode === RCODE.refused && { denied: name.replace(/[^\w.-]/g, '?') }) }
}

/** `name` in lower case. Who may not call a service is told the same whether it exists or not. */
export function find(name: string, type: string, { trustDomain, admitted }: Names): Found {
  const zone = `service.${trustDomain}`
  if (name === zone || name === trustDomain) return { rcode: RCODE.ok }
  if (!name.endsWith(`.${zone}`)) return { rcode: name.endsWith(`.${trustDomain}`) ? RCODE.absent : RCODE.refused }
  const labels = name.slice(0, -zone.length - 1).split('.')
  const service = labels.pop()!
  const listing = admitted(service)
  if (!listing) return { rcode: RCODE.refused }
  if (listing.revision === 0) return { rcode: RCODE.failed }
  const { instances } = listing
  const targetOf = ({ id }: Instance) => `${id}.${service}.${zone}`
  const addresses = (owner: string, of: readonly Instance[]): dns.Answer[] =>
    [...new Set(of.map(({ host }) => host))].map((data) => ({ type: 'A', name: owner, ttl: TTL_SECONDS, data }))
  const below = labels.join('.')
  if (below === '_tcp') return { rcode: RCODE.ok }
  if (below === '_mesh._tcp')
    return type !== 'SRV' ? { rcode: RCODE.ok } : {
      rcode: RCODE.ok, additionals: instances.flatMap((one) => addresses(targetOf(one), [one])),
      answers: instances.map((one) => ({ type, name, ttl: TTL_SECONDS, data: { priority: 0, weight: 1, port: one.port, target: targetOf(one) } })),
    }
  const meant = below ? instances.filter(({ id }) => id === below) : instances
  if (below && meant.length === 0) return { rcode: RCODE.absent }
  return { rcode: RCODE.ok, answers: type === 'A' ? addresses(name, meant) : [] }
}

type Asked = { question: dns.Question; opt: dns.OptAnswer | undefined }

/** One question in its plain spelling: what we would write must be what was asked, byte by byte (no dot inside a label, no pointer). */
function read(query: Buffer): Asked | null {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => query.readUInt16BE(at))
  if (questions !== 1 || answers || authorities || additionals! > 4) return null
  try {
    const packet = dns.decode(query)
    const question = packet.questions![0]!
    const opts = packet.additionals!.filter((one) => one.type === 'OPT')
    const plain = dns.encode({ questions: [question] }).subarray(12)
    return opts.length < 2 && plain.equals(query.subarray(12, 12 + plain.length)) ? { question, opt: opts[0] } : null
  } catch {
    return null
  }
}

/** Whole; else without what nobody asked for; else empty with the bit that says: ask by TCP. */
function encode(query: Buffer, { question, opt }: Asked, { rcode, answers = [], additionals = [] }: Found, limit: number): Buffer {
  const ours: dns.Answer[] = opt ? [{ type: 'OPT', name: '.', udpPayloadSize: UDP_MOST, extendedRcode: rcode >> 4, ednsVersion: 0, flags: 0, flag_do: false, options: [] }] : []
  const authoritative = rcode === RCODE.ok || rcode === RCODE.absent ? dns.AUTHORITATIVE_ANSWER : 0
  const flags = (query.readUInt16BE(2) & dns.RECURSION_DESIRED) | authoritative | (rcode & 15)
  const write = (told: dns.Answer[], more: dns.Answer[], bits = 0) =>
    dns.encode({ type: 'response', id: query.readUInt16BE(0), flags: flags | bits, questions: [question], answers: told, additionals: [...more, ...ours] })
  return [write(answers, additionals), write(answers, [])].find(({ length }) => length <= limit) ?? write([], [], dns.TRUNCATED_RESPONSE)
}

const bare = (query: Buffer, rcode: number): Buffer =>
  dns.encode({ type: 'response', id: query.readUInt16BE(0), flags: (query.readUInt16BE(2) & (OPCODE | dns.RECURSION_DESIRED)) | rcode })
