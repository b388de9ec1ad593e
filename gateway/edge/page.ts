/**
 * The seam between the edge and the storefront: a page is a function from a call to HTML, and reaches the shop through
 * the same operations as the JSON API, validated, authorized and shaped alike.
 */
import type { User } from './sessions/sessions.ts'

export type OperationInput = {
  params?: Record<string, string>
  query?: Record<string, string | number | undefined>
  /** Declared headers: 'idempotency-key', 'if-match', 'if-none-match'. */
  headers?: Record<string, string>
  body?: unknown
}

export type PageCall = {
  /** '/products/0193…'; percent-encoded. */
  path: string
  params: Record<string, string>
  /** Each name once; anything else was refused. */
  query: Record<string, string>
  /** Of a POST of application/x-www-form-urlencoded, without `_csrf`, which was checked. */
  form: Record<string, string>
  /** Null for a visitor. */
  user: Omit<User, 'sub'> | null
  brand: string
  /** Where the frame of the payment field comes from. */
  pspOrigin: string
  /** For the hidden field `_csrf` and the header x-csrf-token. Gives a visitor a session: ask only where a page needs it. */
  csrfToken(): Promise<string>
  /** Address of a file in storefront/assets that changes with its content: asset('shop.css'). */
  asset(name: string): string
  /** An operation of openapi.yaml, by id. Throws problems: let them go, or show what they say. */
  api<T = any>(operationId: string, input?: OperationInput): Promise<{ status: number; etag?: string; body: T }>
  /** A path to sign in and come back to this page. */
  signInPath: string
}

/** `redirect`: a path of this shop, answered with 303. */
export type PageAnswer = { html: string; status?: number } | { redirect: string }
export type Page = (call: PageCall) => Promise<PageAnswer>

/** What a person sees instead of a page. All fields may come from requests: escape them. */
export type ProblemView = { code: string; status: number; title: string; detail: string; errors?: { field: string; message: string }[]; traceId?: string }

export type Storefront = {
  /** 'GET /products/{productId}' → page; literal segments win. A page for signed-in people asks an operation that is. */
  pages: Record<string, Page>
  /** The whole document; works without anything else working. */
  problemPage(problem: ProblemView): string
}
