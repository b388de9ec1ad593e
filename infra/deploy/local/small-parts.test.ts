import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCheckout } from './checkout.ts'
import { chooseConfinement } from './confine.ts'
import { serveControl, askRunner } from './control.ts'
import { writeWhole } from './files.ts'
import { createInventory } from './inventory.ts'
import { parseDuration } from './commands/lab.ts'
import { deleteData } from './commands/reset.ts'
import { liveRunner } from './orphans.ts'
import { isEnterable } from './reachable.ts'
import { openSocketFolder, socketPath } from './run-dir.ts'
import { isPlain } from './screen.ts'
import { openSecrets } from './secrets.ts'

let folder: string
beforeEach(() => { folder = realpathSync(mkdtempSync(join(tmpdir(), 'parts-'))) })
afterEach(() => rmSync(folder, { recursive: true }))

describe('checkout', () => {
  test('id and ports are chosen once and kept', async () => {
    const first = await readCheckout({ SHOP_DIR: folder })
    expect(await readCheckout({ SHOP_DIR: folder })).toEqual(first)
  })
  test('a copied folder is another checkout', async () => {
    const first = await readCheckout({ SHOP_DIR: join(folder, 'one') })
    mkdirSync(join(folder, 'two'))
    writeWhole(join(folder, 'two/checkout.json'), JSON.stringify({ id: first.id, portBase: first.portBase, shopDir: first.shopDir }))
    const second = await readCheckout({ SHOP_DIR: join(folder, 'two') })
    expect(second.id).not.toBe(first.id)
    expect(second.portBase).not.toBe(first.portBase)
  })
  test('SHOP_PORT wins; one that cannot be is refused with what is allowed', async () => {
    expect(await readCheckout({ SHOP_DIR: folder, SHOP_PORT: '23400' })).toMatchObject({ portBase: 23_400 })
    await expect(readCheckout({ SHOP_DIR: folder, SHOP_PORT: '80' })).rejects.toThrow('SHOP_PORT=80: allowed is')
  })
})

describe('what a full disk or a hand left of our files', () => {
  test.each<[string, () => unknown]>([
    ['checkout.json', () => readCheckout({ SHOP_DIR: folder })], ['runner.json', async () => liveRunner(folder)], ['secrets.json', async () => openSecrets(folder)],
  ])('half of %s is named, with what to do', async (name, read) => {
    writeFileSync(join(folder, name), '{"id":"0123')
    await expect(read()).rejects.toThrow(new RegExp(`${name} is damaged: .*(remove|npm run reset)`, 'i'))
  })

  test.each([['kept with its PIN', '{"vault-pin":"1234","other":"x"}', true], ['given up without', '{"vault-', false]])('reset: the token of the vault is %s', (_what, secrets, isKept) => {
    mkdirSync(join(folder, 'state/vault'), { recursive: true })
    mkdirSync(join(folder, 'state/postgres'))
    writeFileSync(join(folder, 'secrets.json'), secrets)
    expect(deleteData(folder)).toBe(isKept)
    expect([existsSync(join(folder, 'state/vault')), existsSync(join(folder, 'state/postgres'))]).toEqual([isKept, false])
  })
})

describe('secrets', () => {
  test('are made once, kept, and readable by their owner alone', () => {
    const secret = openSecrets(folder)
    const [password, token, key] = [secret('password:alice'), secret('consul-token:edge'), secret('session-key')]
    expect(password).toMatch(/^[a-z]{6}(-[a-z]{6}){3}$/)
    expect(token).toMatch(/^[0-9a-f]{8}-/)
    expect(Buffer.from(key, 'base64url')).toHaveLength(32)
    expect(openSecrets(folder)('password:alice')).toBe(password)
    expect(statSync(join(folder, 'secrets.json')).mode & 0o777).toBe(0o600)
  })
})

describe('sockets', () => {
  test('a folder lets its client pass and nobody else (S2.6)', () => {
    const socket = openSocketFolder(socketPath(folder, 'order-1', 'order-1-gateway'), process.getuid?.() ?? 0, process.getgid?.() ?? 0)
    expect(statSync(join(socket, '..')).mode & 0o7777).toBe(0o2710)
  })
  test('a path that no kernel would take is refused', () => expect(() => socketPath('/run/shop-abc123', 'a'.repeat(60), 'b'.repeat(40))).toThrow('103 bytes'))
})

test('a folder below one of mode 0700 cannot be entered by others', () => {
  const inner = join(folder, 'clone')
  mkdirSync(inner, { mode: 0o755 })
  expect(isEnterable(inner)).toBe(false)
  chmodSync(folder, 0o711)
  expect(isEnterable(inner)).toBe(true)
})

test('the control door answers JSON, refuses with a reason, and is its user\'s alone', async () => {
  const path = join(folder, 'control')
  const close = await serveControl(path, { 'GET /status': async () => ({ phase: 'ready' }), 'POST /variant': async () => { throw new Error('no such process') } })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await askRunner(path, 'GET', '/status')).toEqual({ phase: 'ready' })
  await expect(askRunner(path, 'POST', '/variant', {})).rejects.toThrow('no such process')
  await expect(askRunner(path, 'POST', '/nothing')).rejects.toThrow('does not know')
  await close()
})

test('the inventory answers a question about a known revision when it changes', async () => {
  const inventory = createInventory()
  const { revision } = await inventory.get()
  const next = inventory.get(revision)
  const instances = [{ id: 'order-1', service: 'order', instance: 1, version: '1', host: '127.0.0.1', port: 1 }]
  inventory.set(instances)
  expect(await next).toEqual({ revision: revision + 1, instances })
})

test.each([['30m', 1800], ['90s', 90], ['2h', 7200]])('a lease of %s', (text, seconds) => expect(parseDuration(text)).toBe(seconds))
test.each(['', '30', 'm', '-5m', '1d'])('no lease of %j', (text) => expect(() => parseDuration(text)).toThrow('allowed is'))
test.each([[{}, true, false], [{}, false, true], [{ NO_COLOR: '1' }, true, true], [{ CI: 'true' }, true, true]])('output with %j, terminal %s: plain %s', (env, isTerminal, plain) => expect(isPlain(env, isTerminal)).toBe(plain))

test('what a machine does not give is named', () => {
  expect(chooseConfinement(false).losses).toEqual(expect.arrayContaining([expect.stringContaining('S2.6-b is not-run')]))
})
