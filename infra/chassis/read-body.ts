/** A request's body, read once and no further than its operation allows. */
import type { IncomingMessage } from 'node:http'
import { parseJsonStrictly, requireMediaType, type Operation } from './operation.ts'
import { BodyIncomplete, BodyTooLarge } from './problem.ts'

/** A request without these two headers has no body (RFC 9112 §6.3); there is nothing to wait for. */
export const hasBody = ({ headers }: IncomingMessage): boolean => headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

/**
 * Parsed JSON; a form as its text; undefined when there is none. Throws body-too-large, body-incomplete,
 * media-type-unsupported and body-malformed. The connection stays open for the refusal: reading stops, nothing is destroyed.
 */
export async function readBody(req: IncomingMessage, operation: Operation, contentType: string | undefined): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= operation.bodyLimitBytes) return void chunks.push(chunk)
      req.pause()
      reject(BodyTooLarge())
    }).on('end', resolve).on('error', (cause) => reject(BodyIncomplete({ cause })))
  })
  if (size === 0) return undefined
  if (operation.mediaTypes.length) requireMediaType(operation, contentType)
  const bytes = Buffer.concat(chunks)
  return operation.mediaTypes.includes('application/json') ? parseJsonStrictly(bytes) : bytes.toString('utf8')
}
