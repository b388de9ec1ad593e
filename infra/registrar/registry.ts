/** What the registrar writes and reads: a port with two verbs, so that another registry needs one file. */
import type { Instance } from './decide.ts'

export type Registry = {
  /** Instances that we registered, by id; nothing that another put there. */
  read(): Promise<Map<string, Instance>>
  register(instance: Instance): Promise<void>
  deregister(id: string): Promise<void>
  close(): void
}
