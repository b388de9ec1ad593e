/** Paths as OpenAPI declares them, found by their segments: a step per segment, however many paths there are. */
import { PathMalformed } from './problem.ts'

/** Printable ASCII but '%', ';' and '\': it decodes to itself and is in NFC. */
const PLAIN = /^\/[!-$&-:<-[\]-~]*$/

/** Decodes each segment once. Anything that another decoder could read otherwise is refused (EE1). */
export function canonicalSegments(path: string): string[] {
  if (PLAIN.test(path) && !path.includes('//') && !path.includes('/.')) return path.slice(1).split('/')
  if (!path.startsWith('/') || path.includes('//') || /[;\\]|%2f|%5c|%00|%25/i.test(path)) throw PathMalformed()
  return path.slice(1).split('/').map((raw) => {
    let segment: string
    try {
      segment = decodeURIComponent(raw)
    } catch {
      throw PathMalformed()
    }
    if (segment === '.' || segment === '..' || /[\u0000-\u001f\u007f]/.test(segment) || segment !== segment.normalize('NFC')) throw PathMalformed()
    return segment
  })
}

type Leaf<T> = { value: T; names: string[]; places: number[] }
type Node<T> = { literals: Map<string, Node<T>>; parameter: Node<T> | undefined; leaf: Leaf<T> | undefined }
export type PathTable<T> = {
  /** `path` as in OpenAPI: '/products/{productId}'. */
  add(path: string, value: T): void
  find(segments: string[]): { value: T; params: Record<string, string> } | null
}

/** Literal segments win over parameters, the leftmost first: '/orders/mine' before '/orders/{id}'. */
export function createPathTable<T>(): PathTable<T> {
  const node = (): Node<T> => ({ literals: new Map(), parameter: undefined, leaf: undefined })
  const root = node()
  const seek = (at: Node<T>, segments: string[], i: number): Leaf<T> | undefined => {
    if (i === segments.length) return at.leaf
    // What came from the wire is looked up only where there is something to find.
    const literal = at.literals.size > 0 ? at.literals.get(segments[i]!) : undefined
    return (literal && seek(literal, segments, i + 1)) ?? (at.parameter && seek(at.parameter, segments, i + 1))
  }
  return {
    add(path, value) {
      const leaf: Leaf<T> = { value, names: [], places: [] }
      let at = root
      path.split('/').slice(1).forEach((segment, i) => {
        if (segment.startsWith('{')) {
          leaf.names.push(segment.slice(1, -1))
          leaf.places.push(i)
          at = at.parameter ??= node()
        } else {
          const next = at.literals.get(segment) ?? node()
          at.literals.set(segment, next)
          at = next
        }
      })
      at.leaf ??= leaf
    },
    find(segments) {
      const leaf = seek(root, segments, 0)
      if (!leaf) return null
      const params: Record<string, string> = {}
      for (let i = 0; i < leaf.names.length; i++) params[leaf.names[i]!] = segments[leaf.places[i]!]!
      return { value: leaf.value, params }
    },
  }
}
