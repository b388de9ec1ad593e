import type { Door, EdgeCall } from '../edge/call.ts'
import type { Step } from '../pipeline.ts'

const DENIED_FEATURES = ['accelerometer', 'camera', 'display-capture', 'geolocation', 'gyroscope', 'microphone', 'midi', 'payment', 'usb', 'serial', 'hid']

/**
 * What browsers must enforce for us (T1): no script but our files, no string that becomes markup, no frame around us.
 * The only foreign content is the payment provider's field, in a frame of its own site.
 * @see https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/trusted-types/
 */
export const setSecurityHeaders = (identityOrigin: string, pspOrigin: string): Step<EdgeCall> => {
  const page = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "font-src 'self'", "manifest-src 'self'",
    `form-action 'self' ${identityOrigin}`, `frame-src ${pspOrigin}`, "frame-ancestors 'none'", "base-uri 'none'",
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].join('; ')
  const of = ({ name, origin }: Door): EdgeCall['headers'] => {
    const other = {
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      // What is no page may do nothing, should a browser show it as one.
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      // Browsers remember it per host name for all ports: never for a name that other software on this machine shares.
      ...(!isLoopback(new URL(origin).hostname) && { 'strict-transport-security': 'max-age=63072000; includeSubDomains' }),
    }
    const document = {
      ...other,
      'content-security-policy': page,
      // Not 'no-referrer': browsers then send 'Origin: null' with our own forms.
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': DENIED_FEATURES.map((f) => `${f}=()`).join(', '),
    }
    return { other, document: name === 'web' ? document : other }
  }
  const known = new Map<Door, EdgeCall['headers']>()
  return (call) => {
    let headers = known.get(call.door)
    if (!headers) known.set(call.door, (headers = of(call.door)))
    call.headers = headers
  }
}

const isLoopback = (host: string) => host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || host.startsWith('127.')
