import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorityProfile, issuedProfile, namesOutside, workloadProfile, type IssuedKind } from './profiles.ts'

const lifetimes = { mesh: 3600, data: 604_800, backing: 604_800 }
const workload = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/).filter((w) => !['postgres', 'rabbitmq'].includes(w))

describe('profiles', () => {
  test('S4.2 a mesh certificate names its workload by URI alone; a data certificate never serves and never names a host', () => {
    fc.assert(fc.property(workload, (name) => {
      expect(workloadProfile('mesh', name, 'shop.test', lifetimes)).toMatchObject({ authority: 'mesh', commonName: null, uris: [`spiffe://shop.test/mesh/${name}`], dnsNames: [`${name}.shop.test`], usages: ['client', 'server'], seconds: 3600 })
      expect(workloadProfile('data', name, 'shop.test', lifetimes)).toMatchObject({ authority: 'mesh', commonName: name, uris: [`spiffe://shop.test/data/${name}`], dnsNames: [], ipAddresses: [], usages: ['client'] })
    }))
  })

  test.each<[IssuedKind, string, object]>([
    ['backing', 'postgres', { authority: 'mesh', commonName: 'postgres', uris: ['spiffe://shop.test/backing/postgres'], dnsNames: ['postgres.shop.test'], ipAddresses: ['127.0.0.1'], usages: ['server'] }],
    ['owner', 'owner', { authority: 'mesh', commonName: 'owner', uris: ['spiffe://shop.test/operator/owner'], dnsNames: [], usages: ['client'] }],
    ['door', 'web', { authority: 'doors', uris: [], dnsNames: ['localhost'], usages: ['server'] }],
    ['consul-server', 'server-1', { authority: 'consul', dnsNames: ['server.dc1.consul', 'localhost'], ipAddresses: ['127.0.0.1'], usages: ['server', 'client'] }],
    ['consul-client', 'registrar', { authority: 'consul', commonName: 'registrar', dnsNames: [], usages: ['client'] }],
    ['partner', 'acme', { authority: 'partners', commonName: 'acme', uris: [], usages: ['client'] }],
    ['user', 'staff', { authority: 'users', commonName: 'staff', uris: [], usages: ['client'] }],
  ])('%s %s', (kind, name, expected) => {
    expect(issuedProfile({ kind, name }, 'shop.test', lifetimes)).toMatchObject(expected)
  })

  test('S4.2 nothing issued on request can speak in the mesh', () => {
    fc.assert(fc.property(fc.constantFrom<IssuedKind>('owner', 'door', 'consul-server', 'consul-client', 'partner', 'user'), workload, (kind, name) => {
      const profile = issuedProfile({ kind, name }, 'shop.test', lifetimes)
      expect(profile.uris.filter((uri) => uri.includes('/mesh/'))).toEqual([])
      expect(profile.authority === 'mesh' && profile.usages.includes('server')).toBe(false)
    }))
  })

  test.each([
    [() => workloadProfile('mesh', 'postgres', 'shop.test', lifetimes)],
    [() => issuedProfile({ kind: 'backing', name: 'order' }, 'shop.test', lifetimes)],
    [() => issuedProfile({ kind: 'partner', name: 'acme', dnsNames: ['postgres.shop.test'] }, 'shop.test', lifetimes)],
    [() => issuedProfile({ kind: 'owner', name: 'owner', ipAddresses: ['127.0.0.1'] }, 'shop.test', lifetimes)],
  ])('refuses %s', (make) => expect(make).toThrow(expect.objectContaining({ code: 'input-invalid' })))

  test.each([
    [['localhost'], ['127.0.0.1', '::1'], []], [['shop.localhost'], [], []], [['www.shop.example'], [], []],
    [['evil-localhost'], [], ['evil-localhost']], [['example.com'], ['10.0.0.1'], ['example.com', '10.0.0.1']], [['localhost.example'], [], ['localhost.example']],
  ])('a door for %j %j is outside by %j', (dnsNames, ipAddresses, outside) => {
    expect(namesOutside(issuedProfile({ kind: 'door', name: 'web', dnsNames, ipAddresses }, 'shop.test', lifetimes), ['shop.example'])).toEqual(outside)
  })

  test('only the mesh root may have an authority below it, and only doors certify what people trust', () => {
    for (const name of ['mesh', 'doors', 'consul', 'partners', 'users'] as const) expect(authorityProfile(name, 'B', 'c', []).pathLength).toBe(0)
    expect(authorityProfile('mesh-root', 'B', 'c', []).pathLength).toBe(1)
    expect(authorityProfile('doors', 'B', 'c', ['shop.example'])).toMatchObject({ usages: ['server'], permitted: { dnsNames: ['localhost', 'shop.example'], ipAddresses: ['127.0.0.1', '::1'] } })
    for (const name of ['partners', 'users'] as const) expect(authorityProfile(name, 'B', 'c', []).usages).toEqual(['client'])
  })
})
