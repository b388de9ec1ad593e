import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from './refusal.ts'
import { ACCESS_TOKEN, EXCHANGE_GRANT, readTokenRequest } from './token-request.ts'

const exchange = { grant_type: EXCHANGE_GRANT, subject_token: 'a.b.c', subject_token_type: ACCESS_TOKEN, audience: 'order', scope: 'getCart' }
const own = { grant_type: 'client_credentials', audience: 'catalog', scope: 'listProducts' }
const form = (parameters: Record<string, string>, extra = '') => new URLSearchParams(parameters).toString() + extra
const refusalOf = (text: string) => {
  try {
    return readTokenRequest(text)
  } catch (error) {
    if (error instanceof Refusal) return `${error.error} ${error.code}`
    throw error
  }
}

describe('S12.5 a token request asks for one thing, once', () => {
  test.each([
    ['exchange', form(exchange), { audience: 'order', scope: 'getCart', subjectToken: 'a.b.c' }],
    ['exchange, type said', form({ ...exchange, requested_token_type: ACCESS_TOKEN }), { audience: 'order', scope: 'getCart', subjectToken: 'a.b.c' }],
    ['own', form(own), { audience: 'catalog', scope: 'listProducts' }],
    ['guest', form({ ...own, guest: '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11' }), { audience: 'catalog', scope: 'listProducts', guest: '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11' }],
    ['empty', '', 'unsupported_grant_type grant-type'],
    ['another grant', form({ ...own, grant_type: 'refresh_token' }), 'unsupported_grant_type grant-type'],
    ['two audiences', form(exchange, '&audience=billing'), 'invalid_target parameter-twice'],
    ['a list of audiences', form({ ...exchange, audience: 'order billing' }), 'invalid_target audience'],
    ['an audience as SPIFFE id', form({ ...exchange, audience: 'spiffe://shop.test/mesh/order' }), 'invalid_target audience'],
    ['a resource', form({ ...exchange, resource: 'https://billing' }), 'invalid_target resource'],
    ['two scopes in one', form({ ...exchange, scope: 'getCart placeOrder' }), 'invalid_scope scope'],
    ['scope by tab', form({ ...exchange, scope: 'getCart\tplaceOrder' }), 'invalid_scope scope'],
    ['two scopes', form(exchange, '&scope=placeOrder'), 'invalid_request parameter-twice'],
    ['no scope', form({ ...exchange, scope: '' }), 'invalid_scope scope'],
    ['grant twice', form(exchange, '&grant_type=client_credentials'), 'invalid_request parameter-twice'],
    ['an actor token', form({ ...exchange, actor_token: 'x' }), 'invalid_grant actor-token'],
    ['an actor token type', form({ ...exchange, actor_token_type: ACCESS_TOKEN }), 'invalid_grant actor-token'],
    ['a refresh token wanted', form({ ...exchange, requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }), 'invalid_request requested-token-type'],
    ['an ID token as subject', form({ ...exchange, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }), 'invalid_request subject-token'],
    ['no subject', form({ ...exchange, subject_token: '' }), 'invalid_request subject-token'],
    ['a longer life', form({ ...exchange, expires_in: '3600' }), 'invalid_request parameter-unexpected'],
    ['a client id', form({ ...exchange, client_id: 'edge' }), 'invalid_request parameter-unexpected'],
    ['a guest by exchange', form({ ...exchange, guest: '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11' }), 'invalid_request parameter-unexpected'],
    ['a guest with another name', form({ ...own, guest: 'alice' }), 'invalid_request guest'],
  ])('%s', (_what, text, expected) => {
    expect(refusalOf(text)).toEqual(expected)
  })

  test('whatever the form: one service, one operation, or a refusal (S12.5-d: no delimiter gets through)', () => {
    const parameter = fc.tuple(fc.constantFrom('grant_type', 'audience', 'scope', 'guest', 'subject_token', 'subject_token_type', 'resource'), fc.oneof(fc.constantFrom(EXCHANGE_GRANT, 'client_credentials', 'order', 'getCart', ACCESS_TOKEN), fc.string({ unit: 'binary', maxLength: 12 })))
    fc.assert(fc.property(fc.array(parameter, { maxLength: 7 }), (pairs) => {
      const read = refusalOf(new URLSearchParams(pairs).toString())
      if (typeof read === 'string') return
      expect(read.audience).toMatch(/^[a-z0-9-]+$/)
      expect(read.scope).toMatch(/^[A-Za-z0-9]+$/)
      expect(new Set(pairs.map(([name]) => name)).size).toBe(pairs.length)
    }))
  })
})
