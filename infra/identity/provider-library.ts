/**
 * oidc-provider without its one line of noise: Node 26's npm build carries no LTS mark, and the library warns about
 * that at import. Everything else it has to say is heard.
 */
const warn = console.warn
console.warn = (...words: unknown[]) => { if (!String(words[0]).includes('Unsupported runtime')) warn(...words) }
const library = await import('oidc-provider')
console.warn = warn

export const { Provider, ExternalSigningKey, errors, interactionPolicy } = library
