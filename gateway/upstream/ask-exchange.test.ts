import { expect, test } from 'vitest'
import type { Credentials } from '@shop/chassis/identity.ts'
import { newTrace } from '@shop/chassis/trace.ts'
import { createAskExchange, type PostToExchange } from './ask-exchange.ts'
import type { Answer } from './call.ts'
import { SendError } from './send.ts'

const own = { thumbprint: 'mine' } as Credentials, renewed = { thumbprint: 'renewed' } as Credentials
const form = (scope: string) => new URLSearchParams({ scope })
const asking = (more: { credentials?: Credentials; ms?: number } = {}) => ({ credentials: more.credentials ?? own, deadline: performance.now() + (more.ms ?? 5_000), trace: newTrace(true) })
const answer = (body: unknown, status = 200): Answer => ({ status, headers: {}, body: Buffer.from(JSON.stringify(body)) })
/** Answers each form with itself. */
const echo = (path: string, body: string) => answer(path === '/tokens' ? { answers: (JSON.parse(body).requests as { form: string }[]).map(({ form }) => ({ status: 200, body: { form } })) } : { form: body })

function setUp(reply: (path: string, body: string) => Answer | Promise<Answer> = echo) {
  const sent: { path: string; body: string; credentials: Credentials; deadline: number }[] = []
  const post: PostToExchange = async (path, body, { credentials, deadline }) => {
    sent.push({ path, body, credentials, deadline })
    return reply(path, body)
  }
  return { sent, ask: createAskExchange(post) }
}

test('S12.5 one that comes alone is asked for as RFC 8693 has it', async () => {
  const { sent, ask } = setUp()
  expect(await ask.token(form('a'), asking())).toEqual({ status: 200, body: { form: 'scope=a' } })
  expect(sent).toMatchObject([{ path: '/token', body: 'scope=a' }])
})
test('S12.5 those that come together share a message, each with its own answer, trace and certificate', async () => {
  const { sent, ask } = setUp()
  const one = asking({ ms: 1_000 }), other = asking({ ms: 2_000 })
  const told = await Promise.all([ask.token(form('a'), one), ask.token(form('b'), other), ask.token(form('c'), asking({ credentials: renewed }))])
  expect(told.map(({ body }) => body['form'])).toEqual(['scope=a', 'scope=b', 'scope=c'])
  expect(sent).toMatchObject([{ path: '/tokens', credentials: own, deadline: other.deadline }, { path: '/token', credentials: renewed }])
  expect(JSON.parse(sent[0]!.body).requests.map(({ traceparent }: { traceparent: string }) => traceparent.slice(3, 35))).toEqual([one.trace.traceId, other.trace.traceId])
})
test('S12.5 a refusal is its own; a message that was refused as a whole is everybody\'s', async () => {
  const refused = setUp((path, body) => path === '/tokens' ? answer({ answers: [{ status: 403, body: { code: 'policy-denied' } }, { status: 200, body: { form: body } }] }) : echo(path, body))
  expect((await Promise.all(['a', 'b'].map((scope) => refused.ask.token(form(scope), asking())))).map(({ status }) => status)).toEqual([403, 200])
  const down = setUp(() => answer({ code: 'unavailable' }, 503))
  expect(await Promise.all(['a', 'b'].map((scope) => down.ask.token(form(scope), asking())))).toEqual(Array(2).fill({ status: 503, body: { code: 'unavailable' } }))
})
test.each([['none', {}], ['too few', { answers: [{ status: 200, body: {} }] }]])('S12.5 %s of the answers is nobody\'s', async (_what, body) => {
  const { ask } = setUp(() => answer(body))
  const told = await Promise.allSettled(['a', 'b'].map((scope) => ask.token(form(scope), asking())))
  expect(told).toMatchObject(Array(2).fill({ status: 'rejected', reason: { code: 'unavailable' } }))
})
test('what is too long for the exchange goes alone', async () => {
  const { sent, ask } = setUp()
  await Promise.all([ask.token(form('a'.repeat(16_384)), asking()), ask.token(form('b'), asking())])
  expect(sent.map(({ path }) => path)).toEqual(['/token', '/token'])
})
test('S6.1 each waits until its own deadline', async () => {
  const { ask } = setUp(() => new Promise(() => {}))
  const patient = ask.token(form('b'), asking({ ms: 10_000 }))
  await expect(ask.token(form('a'), asking({ ms: 30 }))).rejects.toMatchObject({ code: 'deadline-exceeded' })
  expect(await Promise.race([patient, new Promise((resolve) => setTimeout(resolve, 50, 'waiting'))])).toBe('waiting')
})
test('S12.5 a token is asked for again when a kept connection ended under it, a redemption is not', async () => {
  let asked = 0
  const { ask } = setUp((path, body) => { if (++asked % 2) throw new SendError('no-answer'); return echo(path, body) })
  expect((await ask.token(form('a'), asking())).status).toBe(200)
  expect((await Promise.all([ask.token(form('a'), asking()), ask.token(form('b'), asking())])).map(({ status }) => status)).toEqual([200, 200])
  await expect(ask.redeem(form('t'), asking())).rejects.toMatchObject({ code: 'unavailable' })
  expect(asked).toBe(5)
})
