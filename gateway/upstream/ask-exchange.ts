/**
 * How the exchange is asked: a token alone as RFC 8693 has it; those of one moment, for one certificate of ours, in one
 * message (S12.5, S12.1, docs/decisions/0022).
 */
import type { Credentials } from '@shop/chassis/identity.ts'
import { gather } from '@shop/chassis/gather.ts'
import { DeadlineExceeded, Unavailable } from '@shop/chassis/problem.ts'
import { childOf, traceparent, type TraceContext } from '@shop/chassis/trace.ts'
import type { Answer } from './call.ts'
import { SendError } from './send.ts'
import { watchDeadline } from './too-late.ts'

/** As whom, until when and for which request the exchange is asked. */
export type Asking = { credentials: Credentials; deadline: number; trace: TraceContext }
/** `body`: a form; JSON for /tokens. */
export type PostToExchange = (path: '/token' | '/tokens' | '/redeem', body: string, asking: Asking) => Promise<Answer>
/** `body`: what the JSON says, empty when it says nothing. */
export type Told = { status: number; body: Record<string, unknown> }
/** Whatever the exchange answers. Throws unavailable, deadline-exceeded. */
export type AskExchange = Record<'token' | 'redeem', (form: URLSearchParams, asking: Asking) => Promise<Told>>

type Question = { form: string; asking: Asking }
/** As many as the exchange takes in one message. */
const MOST = 16
/** What the exchange would not take alone spoils no others. */
const LONGEST_FORM = 16_384

export function createAskExchange(post: PostToExchange): AskExchange {
  const gathered = new WeakMap<Credentials, (question: Question) => Promise<Told>>()

  async function ask(path: '/token' | '/tokens' | '/redeem', body: string, asking: Asking, attempt = 1): Promise<Told> {
    try {
      const answer = await post(path, body, asking)
      return { status: answer.status, body: readJson(answer) }
    } catch (cause) {
      // A kept connection may end as we use it. Asking again for a token is harmless; a redemption that was lost is not known to be none.
      const isLost = cause instanceof SendError && (cause.kind === 'not-connected' || (cause.kind === 'no-answer' && path !== '/redeem'))
      if (isLost && attempt < 3) return ask(path, body, asking, attempt + 1)
      if (cause instanceof SendError && cause.kind === 'too-late') throw DeadlineExceeded({ cause })
      throw Unavailable({ detail: 'Nobody can decide on this call right now', headers: { 'retry-after': '1' }, cause })
    }
  }

  const askAlone = ({ form, asking }: Question) => ask('/token', form, asking)

  async function askTogether(questions: Question[]): Promise<Told[]> {
    if (questions.length === 1) return [await askAlone(questions[0]!)]
    const requests = questions.map(({ form, asking }) => ({ form, traceparent: traceparent(childOf(asking.trace)) }))
    const told = await ask('/tokens', JSON.stringify({ requests }), { ...questions[0]!.asking, deadline: Math.max(...questions.map(({ asking }) => asking.deadline)) })
    if (told.status !== 200) return questions.map(() => told)
    const { answers } = told.body
    if (!Array.isArray(answers) || answers.length !== questions.length) throw Unavailable({ evidence: { reason: 'the exchange did not answer each' } })
    return answers as Told[]
  }

  return {
    token(form, asking) {
      const question = { form: form.toString(), asking }
      if (question.form.length > LONGEST_FORM) return askAlone(question)
      let together = gathered.get(asking.credentials)
      if (!together) gathered.set(asking.credentials, (together = gather(askTogether, MOST)))
      return inTime(together(question), asking.deadline)
    },
    redeem: (form, asking) => ask('/redeem', form.toString(), asking),
  }
}

/** The message has the time of who has most; each waits its own. */
function inTime<T>(answer: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = watchDeadline(deadline, () => reject(DeadlineExceeded()))
    answer.finally(done).then(resolve, reject)
  })
}

function readJson(answer: Answer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
