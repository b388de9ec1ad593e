/** What the registrar writes and reads: a port with two verbs, so that another registry needs one file. */
import type { Instance } from './decide.ts'

export type Registry = {
  /** Everything listed under the services that we may write, by id, whoever put it there. An id of ours is a node's name; 'node/service id' is another's. */
  read(): Promise<Map<string, Instance>>
  register(instance: Instance): Promise<void>
  deregister(id: string): Promise<void>
  close(): void
}
