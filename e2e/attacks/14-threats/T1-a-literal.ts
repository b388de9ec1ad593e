// Texts that databases, shells, templates, browsers and log readers would run go into every place of the catalogue and
// of a cart that takes a text. They may be found or refused; nothing may run, leak, wait, or be given back as markup.
import { harmless, hostile } from '../corpus.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

const SLOW_MS = 7_000
/** What only someone who runs or wrongly interprets the text would say. */
const TRACES = /root:[x*]:0:0|uid=\d+\(|PostgreSQL \d|syntax error at or near|\b49\b(?=")|pg_catalog|SELECT .* FROM|at (?:file:|\/)[^\s"]+\.ts/

async function search(scene: Scene, texts: [string, string][]): Promise<{ effects: number; worst: number }> {
  const visitor = scene.visitor()
  const all = (await visitor.get('/api/products?pageSize=1')).json.total as number
  const places = (text: string) => [`/api/products?search=${encodeURIComponent(text)}`, `/api/products?category=${encodeURIComponent(text)}`, `/api/products/${encodeURIComponent(text)}`, `/search?q=${encodeURIComponent(text)}`]
  let effects = 0, worst = 0
  for (const [kind, text] of texts)
    for (const path of places(text)) {
      const started = performance.now()
      const answer = await visitor.get(path)
      const tookMs = performance.now() - started
      worst = Math.max(worst, tookMs)
      const reason = answer.status >= 500 ? 'server error' : tookMs > SLOW_MS ? 'it waited' : TRACES.test(answer.text) ? 'it leaked' : answer.headers.get('set-cookie')?.includes('x=1') ? 'a header was written'
        : answer.text.includes(text) && /[<>]/.test(text) && /html/.test(answer.headers.get('content-type') ?? '') ? 'markup came back as markup'
        // A search for a text that no product has must not find all of them.
        : answer.status === 200 && answer.json?.total >= all && all > 0 ? 'the condition was changed' : undefined
      if (reason) {
        effects += 1
        scene.note({ request: path, kind, status: answer.status, reason, tookMs: Math.round(tookMs) })
      }
    }
  scene.note({ texts: texts.length, effects, worstMs: Math.round(worst) })
  return { effects, worst }
}

attack({
  id: 'T1-a-literal',
  strategies: ['T1', 'S5.1'],
  kind: 'inherent',
  goal: 'make some reader behind the doors run a text',
  without: null,
  stopped: null,
  run: async (scene) => (await search(scene, hostile)).effects > 0,
  async probe(scene) {
    const visitor = scene.visitor()
    for (const text of harmless) {
      const answer = await visitor.get(`/api/products?search=${encodeURIComponent(text)}`)
      if (answer.status !== 200) {
        scene.note({ request: text, status: answer.status, code: answer.json?.code })
        return false
      }
    }
    return true
  },
})
