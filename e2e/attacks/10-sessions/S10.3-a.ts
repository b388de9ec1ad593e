// Internal tokens are looked for in everything that a customer is shown, while a service that was taken over puts the one it
// was called with into each of its answers.
import { crawl } from '../crawl.ts'
import { attack } from '../attack.ts'

const claimsOf = (token: string): Record<string, unknown> => {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')) as Record<string, unknown>
  } catch {
    return {}
  }
}
/** A token of any issuer; in a signed-in browser there is no reason for one. */
const tokensIn = (text: string) => [...text.matchAll(/eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g)].map(([token]) => token)

attack({
  id: 'S10.3-a',
  strategies: ['S10.3'],
  kind: 'attack',
  isLong: true,
  goal: 'find a token of the inside in an answer of the outside',
  without: 'response-headers',
  // By the gateway of the one who talks.
  stopped: { code: 'response-header-dropped', detection: 'IE7' },
  async run(scene) {
    scene.refused({ subject: (await scene.insider('catalog')).spiffeId })
    const seen = await crawl(scene)
    const found = seen.flatMap(({ request, text }) => tokensIn(text).map((token) => ({ request, issuer: String(claimsOf(token)['iss']) })))
    scene.note({ answers: seen.length, found })
    // The only token that a browser carries is the hint of who signs out, on its way to its own issuer.
    return found.some(({ request, issuer }) => !(request.includes('/logout') && !issuer.includes('exchange')))
  },
  async probe(scene) {
    const edge = await scene.insider('edge')
    const { json } = await edge.exchange({ audience: 'order', scope: 'getCart', subjectToken: await edge.userToken('alice') })
    return tokensIn(JSON.stringify({ a: json.access_token })).length === 1
  },
})
