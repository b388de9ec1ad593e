/** The session and the profile of whoever is signed in, and the ways in and out. */
import { json } from '../call.ts'
import { found, type Handlers, type Shop } from './shop.ts'

export const accountOperations = ({ ask, sessions, signIn }: Shop): Handlers => ({
  getSession: async (call) => {
    const session = await sessions.begin(call)
    const { user } = session.data
    return json(200, { user: user ? { name: user.name, role: user.role, seller: user.seller } : null, csrfToken: sessions.csrfToken(session) })
  },
  startSignIn: (call) => signIn.start(call, call.input!.query['return'] ?? '/'),
  finishSignIn: (call) => signIn.finish(call),
  signOut: (call) => signIn.signOut(call),
  getProfile: async (call) => found(await ask(call, 'order', 'getProfile')),
  putProfile: async (call) => found(await ask(call, 'order', 'putProfile', { body: call.input!.body, pass: ['if-match'] })),
})
