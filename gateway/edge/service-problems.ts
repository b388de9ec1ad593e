/** Problems of the services that a client may see by name: part of the public API (G2). The services know who caused them. */
import { BodyMalformed, Conflict, IdempotencyMismatch, InputInvalid, NotFound, ParameterUnexpected, PreconditionFailed, PreconditionRequired, problem, type ProblemFactory } from '@shop/chassis/problem.ts'

const kinds: ProblemFactory[] = [
  BodyMalformed, Conflict, IdempotencyMismatch, InputInvalid, NotFound, ParameterUnexpected, PreconditionFailed, PreconditionRequired,
  problem('out-of-stock', 409, 'There is not enough of this in stock', 'Lower the quantities named in errors'),
  problem('price-changed', 409, 'A price has changed since you saw the total', 'Look at the cart again and agree to the new total'),
  problem('total-too-high', 409, 'The total is more than one payment may be', 'Order in two parts'),
  problem('cart-empty', 409, 'There is nothing in the cart', 'Put something in'),
  problem('cart-full', 409, 'The cart holds as many different products as it may', 'Order in two parts'),
  problem('not-cancellable', 409, 'This order can no longer be cancelled', 'Look at its status'),
  problem('already-dispatched', 409, 'The parcel has left already', 'Send it back when it arrives'),
  problem('webhook-forged', 401, 'The payload does not bear the provider’s signature', 'Sign it with the shared secret'),
  problem('sellers-only', 403, 'Only sellers offer and edit products', 'Sign in as a seller'),
]

export const servicesProblems = new Map(kinds.map((kind) => [kind.code, kind]))
