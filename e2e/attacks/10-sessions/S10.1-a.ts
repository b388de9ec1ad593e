// Somebody owns the database role of the edge. He reads every session, tries what he reads as cookies, and moves the
// row of a victim under his own handle, whose cookie he has.
import { createHash } from 'node:crypto'
import pg from 'pg'
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

async function withStore<T>(scene: Scene, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const { held } = await scene.insider('edge')
  const client = new pg.Client({
    ...endpoints.infrastructure.postgres, database: 'edge', user: 'edge',
    ssl: { ca: held.roots, key: held.data!.key, cert: held.data!.certificate, host: undefined, servername: `postgres.${held.places.trustDomain}` } as never,
  })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

async function takeOver(scene: Scene, who: 'victim' | 'self'): Promise<boolean> {
  const [alice, bob] = [await scene.signIn('alice'), await scene.signIn('bob')]
  const [[name, handle]] = [...bob.cookies].filter(([key]) => key.startsWith(`${new URL(endpoints.web.url).origin} `)) as [[string, string]]
  const hashOf = (text: string) => createHash('sha256').update(text).digest()
  const own = hashOf(handle), victims = hashOf(alice.cookies.get(name)!)
  const productId = (await bob.get('/api/products?pageSize=1')).json.items[0].id as string
  return withStore(scene, async (client) => {
    const { rows } = await client.query<{ hash: Buffer; sealed: Buffer }>(
      'select hash, sealed from sessions where hash = any($1) union (select hash, sealed from sessions order by ends_at desc limit 50)', [[own, victims]])
    // Long enough that no sealed row holds it by chance.
    if (rows.some(({ sealed }) => /eyJ[\w-]{20}|alice|"sub"|guestId/i.test(sealed.toString('latin1')))) return true
    if (who === 'victim')
      for (const { hash, sealed } of rows.slice(0, 5))
        for (const cookie of [hash.toString('base64url'), hash.toString('hex'), sealed.toString('base64url').slice(0, 64)]) {
          const answer = await scene.visitor().get('/api/session', { cookie: `${name.split(' ')[1]}=${cookie}` })
          scene.answered(answer, 'GET /api/session with a row as cookie', { control: 'session' })
          if (answer.json.user) return true
        }
    const before = rows.find(({ hash }) => hash.equals(own))!.sealed
    const taken = who === 'victim' ? rows.find(({ hash }) => hash.equals(victims))!.sealed : before
    await client.query('update sessions set sealed = $2 where hash = $1', [own, taken])
    try {
      // A change reads the row anew; what follows within a second may be answered from that reading.
      const change = await bob.send('PUT', `/api/cart/lines/${productId}`, { quantity: 1 })
      scene.answered(change, `PUT cart line with the row of ${who}`, { control: 'session' })
      const { json } = await bob.get('/api/session')
      return json.user?.name !== undefined && (who === 'self' || json.user.name === (await alice.get('/api/session')).json.user.name)
    } finally {
      await client.query('update sessions set sealed = $2 where hash = $1', [own, before])
    }
  })
}

attack({
  id: 'S10.1-a',
  strategies: ['S10.1'],
  kind: 'attack',
  goal: 'become another customer with write access to the store of sessions',
  without: 'seal-session',
  stopped: { code: 'session-invalid', detection: 'SE1' },
  run: (scene) => takeOver(scene, 'victim'),
  probe: (scene) => takeOver(scene, 'self'),
})
