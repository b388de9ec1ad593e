/** Form fields, and the fields of an address. Drawn by the edge, and by the browser for one more address. */
import { countryName } from './order-view.js'

const COUNTRIES = ['AT', 'BE', 'BG', 'CH', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GB', 'GR', 'HR', 'HU', 'IE', 'IT', 'KR', 'LT', 'LU', 'LV', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK', 'US']

/** `invalid`: what to say when the value does not fit, instead of the schema's words. */
export const field = (h, { name, label, value, type, hint, invalid, complete, max, isOptional, mode, pattern }) => h('div', { class: `field f-${name.replace(/^.*\./, '').toLowerCase()}` },
  h('label', { for: name }, label, isOptional && h('span', { class: 'soft' }, ' (optional)')),
  hint && h('p', { class: 'hint', id: `${name}-hint` }, hint),
  h('input', { id: name, name, type: type ?? 'text', value: value ?? '', autocomplete: complete ?? 'off', maxlength: max, inputmode: mode, pattern, required: !isOptional, 'data-invalid': invalid, 'aria-describedby': hint && `${name}-hint` }),
  h('p', { class: 'error', id: `${name}-error`, hidden: true }))

export const addressFields = (h, prefix, address = {}) => h('div', { class: 'fields' },
  field(h, { name: `${prefix}.recipient`, label: 'Recipient', value: address.recipient, complete: 'shipping name', max: 100, invalid: 'Enter the name of whoever takes the parcel' }),
  field(h, { name: `${prefix}.line1`, label: 'Street and number', value: address.line1, complete: 'shipping address-line1', max: 100, invalid: 'Enter street and house number' }),
  field(h, { name: `${prefix}.line2`, label: 'Flat, floor or company', value: address.line2, complete: 'shipping address-line2', max: 100, isOptional: true, invalid: 'Leave out unusual characters' }),
  field(h, { name: `${prefix}.postalCode`, label: 'Postal code', value: address.postalCode, complete: 'shipping postal-code', max: 12, pattern: '[A-Za-z0-9][A-Za-z0-9 \\-]{0,10}[A-Za-z0-9]', invalid: 'Enter letters and digits, such as 10115' }),
  field(h, { name: `${prefix}.city`, label: 'City', value: address.city, complete: 'shipping address-level2', max: 60, invalid: 'Enter the city' }),
  h('div', { class: 'field f-country' },
    h('label', { for: `${prefix}.country` }, 'Country'),
    h('select', { id: `${prefix}.country`, name: `${prefix}.country`, autocomplete: 'shipping country', required: true, 'data-invalid': 'Choose a country' },
      [...new Set([...COUNTRIES, ...(address.country ? [address.country] : [])])].map((code) => [countryName(code), code]).sort((a, b) => a[0].localeCompare(b[0]))
        .map(([name, code]) => h('option', { value: code, selected: code === (address.country ?? 'DE') }, name))),
    h('p', { class: 'error', id: `${prefix}.country-error`, hidden: true })))
