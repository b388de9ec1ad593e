/** HTML templates that escape whatever is put in, unless it is a template's own result. */
const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export type Html = { readonly html: string }
type Part = string | number | Html | null | undefined | false | Part[]

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!)

const render = (part: Part): string =>
  part === null || part === undefined || part === false ? '' : Array.isArray(part) ? part.map(render).join('') : typeof part === 'object' ? part.html : escapeHtml(String(part))

export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html => ({ html: strings.reduce((text, s, i) => text + s + (i < parts.length ? render(parts[i]!) : ''), '') })

/** Markup that a library made, which escapes for itself. */
export const trusted = (markup: string): Html => ({ html: markup })
