/** Hostile and harmless texts, generated: classes of attack × spellings, so that no rule can be written for one string. */

const SQL = ["' OR '1'='1", "1; DROP TABLE orders--", "' UNION SELECT null,version()--", "1' AND pg_sleep(8)--", "'||pg_sleep(8)||'", '\\\'; select 1 --', "%' OR 1=1 /*", '$1', '{"$gt":""}', "[$ne]=1", "id' ORDER BY 99--", '\u02bc OR 1=1--']
const COMMAND = ['; id', '| cat /etc/passwd', '`id`', '$(id)', '& ping -c 8 127.0.0.1', '\n/bin/id', '../../../../etc/passwd', '....//....//etc/passwd', 'file:///etc/passwd', '-oProxyCommand=id']
const TEMPLATE = ['{{7*7}}', '${7*7}', '<%= 7*7 %>', '#{7*7}', '{{constructor.constructor("return 1")()}}', '*{7*7}', '@(7*7)']
const MARKUP = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', 'javascript:alert(1)', '<!--#exec cmd="id"-->', '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>']
const LINES = ['a\r\nSet-Cookie: x=1', 'a%0d%0aSet-Cookie:%20x=1', 'a\u560d\u560aSet-Cookie: x=1', 'a\n{"level":60,"msg":"forged"}', '=HYPERLINK("http://evil.example")', '*)(uid=*))(|(uid=*', "' or '1'='1' or ''='", 'order.#', '\u001b[2Jcleared']

export const hostile: [string, string][] = [['sql', SQL], ['command', COMMAND], ['template', TEMPLATE], ['markup', MARKUP], ['lines', LINES]].flatMap(([name, texts]) => (texts as string[]).map((text): [string, string] => [name as string, text]))

/** Those that nobody writes who means no harm; the others may be a price, a routing key, a cleared screen. */
export const conspicuous = hostile.filter(([, text]) => !['$1', 'order.#'].includes(text))

/** What people really write. */
export const harmless = ["O'Brien", 'drop shipping', 'select a table', '<3', '한국어', 'Müller & Söhne', '50% off', 'A+ (2)', 'C:\\', 'e.g. 1=1', 'naïve café', '"quoted"', 'union of cups']

/** Spellings that a second decoding, another alphabet or another reader would turn back into `text`. */
export const spellings = (text: string): string[] => {
  const utf8 = [...Buffer.from(text)]
  const percent = utf8.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  return [
    percent, percent.replaceAll('%', '%25'), percent.replaceAll('%', '%2525'),
    [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''), [...text].map((c) => `&#${c.codePointAt(0)};`).join(''), [...text].map((c) => `%u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    [...text].map((c) => (c >= '!' && c <= '~' ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : c)).join(''), [...text].join('\u200b'), Buffer.from(text).toString('base64'), text.toUpperCase(), `\ufeff${text}`,
  ]
}
