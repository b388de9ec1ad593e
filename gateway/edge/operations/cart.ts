/** The cart of a visitor or customer. A visitor gets a session with the first line. */
import { json, type EdgeCall } from '../call.ts'
import { found, type Handlers, type Shop } from './shop.ts'

export const cartOperations = ({ ask, sessions, signIn }: Shop): Handlers => {
  const merged = async (call: EdgeCall) => { if (call.session?.data.mergeGuest) await signIn.mergeCart(call, call.session) }
  return {
    getCart: async (call) => {
      if (!call.session) return json(200, { lines: [], totalMinor: 0, currency: 'EUR', count: 0 })
      await merged(call)
      return found(await ask(call, 'order', 'getCart'))
    },
    putCartLine: async (call) => {
      await sessions.begin(call)
      await merged(call)
      return found(await ask(call, 'order', 'putCartLine', { params: call.input!.params, body: call.input!.body }))
    },
    deleteCartLine: async (call) => {
      await merged(call)
      return found(await ask(call, 'order', 'deleteCartLine', { params: call.input!.params }))
    },
  }
}
