import { describe, expect, test } from 'vitest'
import { ownSources, packagesToBring, parseDistribution, sourcesFor } from './apt.ts'

const bookworm = { family: 'debian', codename: 'bookworm' } as const

test.each([
  ['ID=debian\nVERSION_CODENAME=bookworm\n', bookworm],
  ['ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n', { family: 'ubuntu', codename: 'noble' }],
  ['ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n', { family: 'ubuntu', codename: 'noble' }],
  ['ID=fedora\nVERSION_CODENAME=""\n', undefined],
  ['', undefined],
])('%j is %j', (text, distribution) => expect(parseDistribution(text)).toEqual(distribution))

describe("the distribution's own archives", () => {
  const stanza = (uris: string, suites: string, more = 'Components: main\nSigned-By: /k.gpg') => `Types: deb\n# why\nURIs: ${uris}\nSuites: ${suites}\n${more}`
  const own = (name: string, text: string) => ownSources([{ name, text }], bookworm)
  test('deb822: other suites, other vendors, sources and disabled entries are left out', () => {
    const text = [stanza('http://d/debian', 'bookworm bookworm-updates bookworm-backports'), stanza('http://d/sec', 'bookworm-security'), stanza('http://v/x', 'nodistro'), stanza('http://v/y', 'cloud-sdk-bookworm'),
      stanza('http://v/z', 'bookworm', 'Components: stable'), stanza('http://v/off', 'bookworm', 'Components: main\nEnabled: no'), 'Types: deb-src\nURIs: http://d/src\nSuites: bookworm\nComponents: main'].join('\n\n')
    expect(own('debian.sources', text)).toEqual([
      { uris: 'http://d/debian', suites: ['bookworm', 'bookworm-updates'], components: 'main', signedBy: '/k.gpg' },
      { uris: 'http://d/sec', suites: ['bookworm-security'], components: 'main', signedBy: '/k.gpg' },
    ])
  })
  test('one-line form, with and without options', () => {
    expect(own('sources.list', '# deb http://no bookworm main\ndeb http://d/debian bookworm main contrib # mine\ndeb [arch=amd64 signed-by=/a.gpg,/b.gpg] http://d/debian bookworm-updates main\ndeb-src http://d/debian bookworm main')).toEqual([
      { uris: 'http://d/debian', suites: ['bookworm'], components: 'main contrib' },
      { uris: 'http://d/debian', suites: ['bookworm-updates'], components: 'main', signedBy: '/a.gpg /b.gpg' },
    ])
  })
  test('a key inside the entry stays with it', () => {
    const [source] = own('x.sources', 'Types: deb\nURIs: http://d\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n -----END\n')
    expect(source?.signedBy).toContain('abc')
  })
  test("Consul's suite comes from the same archive with the same key, and only when Consul is wanted", () => {
    const sources = own('sources.list', 'deb [signed-by=/s.gpg] http://d/sec bookworm-security main\ndeb [signed-by=/k.gpg] http://d/debian bookworm main')
    expect(sourcesFor(sources, bookworm, true).at(-1)).toEqual({ uris: 'http://d/debian', suites: ['bullseye'], components: 'main', signedBy: '/k.gpg' })
    expect(sourcesFor(sources, bookworm, false)).toEqual(sources)
    expect(sourcesFor([], bookworm, true)).toEqual([])
  })
})

describe('packages to bring', () => {
  const depends = `postgresql
  Depends: postgresql-15
postgresql-15
 |Depends: locales
  Depends: locales-all
  Depends: libicu72
  Depends: libllvm14
 |Depends: libold
  Depends: libnew
  Depends: <libvirtual>
    libprovider
libicu72
  PreDepends: libc6
  Depends: libdeep1
libdeep1
libc6
libllvm14
libold
libnew
locales
rabbitmq-server
  Depends: erlang-base
  Depends: python3
erlang-base
  Depends: libdeep1
python3
  Depends: libpython3-stdlib
libpython3-stdlib
`
  test.each([
    [['postgresql'], ['libc6'], ['libdeep1', 'libicu72', 'libold', 'postgresql', 'postgresql-15']],
    [['postgresql'], ['libc6', 'libicu72', 'libold'], ['postgresql', 'postgresql-15']],
    [['rabbitmq-server'], ['libdeep1', 'erlang-base'], ['erlang-base', 'rabbitmq-server']],
    [['unknown'], [], []],
  ])('%j with %j installed: %j', (roots, installed, names) => expect(packagesToBring(roots, depends, new Set(installed))).toEqual(names))
})
