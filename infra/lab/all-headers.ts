/** Lab only: headers passed on as a careless proxy does, all but those that belong to the connection (leaves out S4.1, S10.3). */
import { allowListed, type HeaderPolicy, type Pass } from '@shop/gateway/stages/header-allow-list.ts'

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-type', 'te', 'trailer', 'upgrade', 'expect', 'host', 'date'])

export const everything = (headers: Parameters<Pass>[0]): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined || HOP.has(name) ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]])))

/** What is allowed, and all the rest, in that direction. */
export const carelessHeaders = (direction: keyof HeaderPolicy): HeaderPolicy =>
  ({ ...allowListed, [direction]: (headers: Parameters<Pass>[0], names: Parameters<Pass>[1]) => ({ ...everything(headers), ...allowListed[direction](headers, names) }) })
