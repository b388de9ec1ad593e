/**
 * The page inside the merchant's checkout, on the provider's own site: numbers go from the customer to the provider and
 * never through the shop (A4, PCI DSS SAQ A).
 */
import { INSTRUMENTS, type Method } from './instruments.ts'

const escapeAttribute = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const input = (id: string, label: string, attributes: string) => `<div class="field"><label for="${id}">${label}</label>
<input id="${id}" name="${id}" required aria-describedby="${id}-error" ${attributes}><p class="error" id="${id}-error"></p></div>`

const FIELDS: Record<Method, string> = {
  card: `${input('number', 'Card number', 'autocomplete="cc-number" inputmode="numeric" maxlength="23" placeholder="4242 4242 4242 4242"')}
<div class="pair">${input('expiry', 'Expires', 'autocomplete="cc-exp" inputmode="numeric" maxlength="5" placeholder="MM/YY"')}
${input('cvc', 'Security code', 'autocomplete="cc-csc" inputmode="numeric" maxlength="4" placeholder="123"')}</div>`,
  'bank-account': `${input('iban', 'IBAN', 'autocomplete="off" maxlength="42" spellcheck="false" placeholder="DE89 3704 0044 0532 0130 00"')}
${input('holder', 'Account holder', 'autocomplete="name" maxlength="100"')}`,
}

const grouped = (number: string) => number.replace(/.{4}(?=.)/g, '$& ')

/** `origins` are told the token; the browser delivers it to the one that really is the parent. */
export const fieldPage = (kind: Method, origins: string[]): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${kind === 'card' ? 'Card details' : 'Bank account'}</title>
<link rel="stylesheet" href="/assets/field.css">
<script type="module" src="/assets/field.js"></script>
</head>
<body>
<main>
<h1>${kind === 'card' ? 'Card details' : 'Bank account'}</h1>
<form id="form" novalidate data-kind="${kind}" data-parents="${escapeAttribute(JSON.stringify(origins))}" aria-label="${kind === 'card' ? 'Card details' : 'Bank account'}">
<p class="alert" id="alert" role="alert"></p>
${FIELDS[kind]}
<button>${kind === 'card' ? 'Use this card' : 'Use this account'}</button>
<details><summary>Test numbers</summary>
<ul>${INSTRUMENTS.filter((i) => i.method === kind).map((i) => `<li><code>${grouped(i.number)}</code> ${i.says}</li>`).join('')}</ul></details>
</form>
<div id="done" hidden><p role="status" id="chosen"></p><button type="button" class="secondary" id="change">Use another</button></div>
</main>
</body>
</html>
`
