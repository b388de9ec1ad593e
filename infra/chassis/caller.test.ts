import { expect, test } from 'vitest'
import { callerOf } from './caller.ts'

const bearer = (claims: object): string => `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const claims = (sub: string) => ({ sub, role: 'guest', txn: 't', act: { sub: 'spiffe://shop.internal/edge' } })

test('each token is its own caller, also when more came than are remembered', () => {
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 600; i++) {
      const authorization = bearer(claims(`guest:${i}`))
      for (let time = 0; time < 2; time++)
        expect(callerOf(authorization)).toEqual({ subject: `guest:${i}`, role: 'guest', actor: 'edge', txn: 't', token: authorization.slice(7) })
    }
})

test('a handler cannot change who the next call with this token is', () => {
  const caller = callerOf(bearer(claims('guest:1')))
  expect(() => Object.assign(caller, { role: 'staff' })).toThrow(TypeError)
})

test.each([undefined, '', 'Bearer ', 'Bearer a.b', 'Basic YTpi', 'Bearer e30.e30.c2ln', `${bearer(claims('a'))}.x`, bearer({ ...claims('a'), act: undefined })])('%s is refused, each time', (authorization) => {
  for (let time = 0; time < 2; time++) expect(() => callerOf(authorization)).toThrow(expect.objectContaining({ code: 'token-required' }))
})
