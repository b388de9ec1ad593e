/** Certificates that the runner keeps for others: asked for when half their life is over, written whole, roots beside them. */
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ownFolder, writeWhole } from './files.ts'
import type { IssueRequest, Issued, Pki } from './pki-client.ts'

export type Kept = Issued & { files: { certificate: string; key: string; roots: string; both: string } }

/** True from half-life on, counted from when it was issued (authorities date back for wrong clocks), or when it cannot be read. */
export function isDue(certificate: string, issuedAt: Date, now: Date): boolean {
  try {
    return now.getTime() >= (issuedAt.getTime() + new X509Certificate(certificate).validToDate.getTime()) / 2
  } catch {
    return true
  }
}

/** What stands in `folder`, when it is not due; `roots` must be those of now. */
export function readKept(folder: string, now: Date, roots?: string): Kept | undefined {
  const files = filesIn(folder)
  if (!Object.values(files).every((path) => existsSync(path))) return undefined
  const [certificate, key, theirRoots] = [files.certificate, files.key, files.roots].map((path) => readFileSync(path, 'utf8')) as [string, string, string]
  return isDue(certificate, statSync(files.certificate).mtime, now) || (roots !== undefined && theirRoots !== roots) ? undefined : { certificate, key, roots: theirRoots, files }
}

/** The certificate in `folder`, renewed there when due. `isNew` tells that its reader must load it again. */
export async function keepCertificate(pki: Pki, folder: string, uid: number, request: IssueRequest, roots: string): Promise<Kept & { isNew: boolean }> {
  const kept = readKept(folder, new Date(), roots)
  if (kept) return { ...kept, isNew: false }
  const issued = await pki.issue(request)
  ownFolder(folder, uid)
  const files = filesIn(folder)
  writeWhole(files.roots, issued.roots, 0o600, uid)
  writeWhole(files.key, issued.key, 0o600, uid)
  writeWhole(files.certificate, issued.certificate, 0o600, uid)
  writeWhole(files.both, `${issued.certificate.trimEnd()}\n${issued.key}`, 0o600, uid)
  return { ...issued, files, isNew: true }
}

const filesIn = (folder: string) => ({ certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem'), roots: join(folder, 'roots.pem'), both: join(folder, 'certificate-and-key.pem') })
