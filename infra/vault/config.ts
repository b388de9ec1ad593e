import { z } from 'zod'

export const configSchema = z.strictObject({
  /** Holds the token; 0700, this process's own. */
  tokenDir: z.string().startsWith('/'),
  /** The PKCS #11 module: SoftHSM2's library, or a hardware module's. */
  library: z.string().startsWith('/'),
  /** Client name → path of the Unix socket that this client alone may open. */
  sockets: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/), z.string().startsWith('/')),
})

export type Config = z.infer<typeof configSchema>

/** Opens the token. Whoever changes it locks the keys away. */
export const pinSchema = z.string().min(16).max(128)
