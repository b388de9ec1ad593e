/**
 * What somebody writes who hopes that a reader behind us runs it: SQL, shells, templates, markup, header lines (S5.1,
 * T1). A small set with few false alarms, not a wall: inputs are only ever data here; this tells that someone tries.
 *
 * Every pattern is linear in its text: quantifiers are bounded, and no two beside each other take the same character.
 * @see https://owasp.org/www-project-appsensor/ IE1 cross-site scripting, CIE1 inspection for injected commands
 */
export type Suspicion = { detection: 'IE1' | 'CIE1'; kind: string }

const COMMANDS = '(?:cat|ls|ping|curl|wget|nc|ncat|bash|sh|zsh|python\\d?|perl|ruby|php|powershell|cmd|sleep|rm|nslookup|dig|chmod|echo)'

/** On texts as `plainTexts` gives them: decoded, in lower case. The first that fits names the kind. */
const RULES: [Suspicion['detection'], string, RegExp[]][] = [
  ['IE1', 'markup', [
    /<\/?(?:script|img|svg|iframe|object|embed|link|meta|style|body|video|audio|details|math|form|input|base|marquee|template)[\s/>]/,
    /[\s"'/]on(?:error|load|click|focus|blur|toggle|begin|mouse[a-z]{1,8}|pointer[a-z]{1,8}|animation[a-z]{1,10})\s{0,4}=/,
    /\b(?:java|vb)script\s{0,4}:/, /data:text\/html/, /<!--#|<!(?:doctype|entity|\[cdata\[)|<\?xml/,
  ]],
  ['CIE1', 'sql', [
    /['"`]\s{0,8}\)?\s{0,8}(?:or\b|and\b|xor\b|\|\||&&)\s{0,8}\(?['"]?[\w.]{0,30}['"]?\s{0,8}(?:[=<>]|like\b|in\s{0,4}\(|between\s)/, /['"`]\s{0,8}(?:or\b|and\b|\|\|)\s{0,8}\w{1,30}\(/,
    /\b(?:or|and)\s{1,8}(\d{1,9})\s{0,4}=\s{0,4}\1/, /\bunion(?:\s|\/\*|\*\/|\(){1,8}(?:all\s{1,4})?select\b/, /['"`].{0,80}(?:--|\/\*)\s{0,4}$/,
    /;\s{0,8}(?:drop|truncate|alter|create)\s{1,4}(?:table|database|schema|view|role|user)\b|;\s{0,8}(?:delete\s{1,4}from|insert\s{1,4}into|update\s{1,4}\w{1,40}\s{1,4}set|select\s[^;]{1,80}\sfrom|exec(?:ute)?\s)/,
    /['"`]\s{0,4}\)?;\s{0,4}(?:select|drop|delete|insert|update|exec|copy)\b/, /\b(?:pg_sleep|benchmark|load_file|extractvalue|updatexml)\(|\bwaitfor\s{1,4}delay\b|xp_cmdshell|information_schema|pg_catalog/,
  ]],
  ['CIE1', 'operator', [/["'[{.]\s{0,4}\$(?:gte?|lte?|n?in|ne|eq|regex|where|exists|or|and|not|expr|function)\b/, /__proto__|\bconstructor(?:\.|\]?\[["']?)prototype/]],
  ['CIE1', 'command', [
    new RegExp(`[;|&\`\\n]\\s{0,4}${COMMANDS}\\s{1,4}(?:-|["'$]|\\d{1,3}\\.|[\\w.~-]{0,40}[/.]\\w)`), /(?:[;|\n]|&&)\s{0,4}(?:id|whoami|uname|ls|env)\s{0,4}(?:$|[;|&`)#])/, new RegExp(`\`\\s{0,4}(?:id|whoami|uname|${COMMANDS})\\b`),
    /\$\(\s{0,4}[a-z/]/, /(?:^|[\s;|&`(=])\/(?:usr\/)?s?bin\/[a-z]/, /(?:^|\s)-{1,2}(?:oproxycommand|use-askpass|exec|eval)=/,
  ]],
  ['CIE1', 'file', [/(?:^|[/\\="'\s])\.{2,4}[/\\]/, /etc\/(?:passwd|shadow)|proc\/self|(?:boot|win)\.ini/, /\b(?:file|gopher|dict|ldaps?|jar|phar|php|expect):\/\//]],
  ['CIE1', 'template', [/\{\{[^{}]{1,100}(?:\{[^{}]{0,60}\}[^{}]{0,60})?\}\}/, /[$#*@]\{[^{}]{1,100}\}/, /<%/, /@\(\s{0,4}\d{1,9}\s{0,4}[*+]/]],
  ['CIE1', 'line', [/[\r\n\u560a]\s{0,2}(?:set-cookie|location|content-(?:type|length)|transfer-encoding|host|x-[a-z-]{1,30})\s{0,2}:/, /[\r\n]\s{0,4}(?:http\/1|\{\s{0,4}")/, /[\0\u001b]/, /^[=+@]\s{0,2}[a-z]{2,20}\(/]],
  ['CIE1', 'filter', [/\)\s{0,4}\([|&!]|\*\)\s{0,4}\(\w{1,30}=/]],
]

/** Whatever a rule could fit has one of these. */
const NOTABLE = /[^\w\s.,:!?/+~-]|\.\.|:\/\/|__|\/\/|\n|bin\/|etc\/|script|[\0\u001b]|=|prototype|union|or\s|and\s|pg_|xp_|schema|waitfor/i

/** What the text looks like, or null. At most its first 65,536 characters are read: no input here is longer. */
export function suspicionOf(text: string): Suspicion | null {
  if (!NOTABLE.test(text)) return null
  for (const one of plainTexts(text.slice(0, 65_536)))
    for (const [detection, kind, patterns] of RULES) if (patterns.some((pattern) => pattern.test(one))) return { detection, kind }
  return null
}

/** The text as it is, and as up to three careless readers behind us would decode it once more each. */
function* plainTexts(text: string): Generator<string> {
  for (let pass = 0; pass < 4; pass++) {
    text = text.normalize('NFKC').replace(/[\u200b-\u200f\u2060\ufeff\u00ad]/g, '')
    yield text.replace(/[\u02b9\u02bc\u2018\u2019\u2032]/g, "'").toLowerCase()
    const decoded = decodeOnce(text)
    if (decoded === text) return
    text = decoded
  }
}

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decodeOnce(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2}){1,2048}|%u([0-9a-f]{4})|\\u([0-9a-f]{4})|&#(\d{1,7});?|&#x([0-9a-f]{1,6});?|&(lt|gt|amp|quot|apos);/gi, (all, u?: string, j?: string, decimal?: string, hex?: string, name?: string) => {
    if (name) return NAMED[name.toLowerCase()]!
    if (decimal || hex) return String.fromCodePoint(Math.min(decimal ? Number(decimal) : parseInt(hex!, 16), 0x10ffff))
    if (u ?? j) return String.fromCharCode(parseInt((u ?? j)!, 16))
    return Buffer.from(all.replaceAll('%', ''), 'hex').toString('utf8')
  })
}
