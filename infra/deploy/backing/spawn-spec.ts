/** How the supervisor starts one backing process, and how it speaks to it afterwards. */
export type SpawnSpec = {
  command: string
  args: string[]
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>
  cwd: string
  /** The signal that ends it cleanly. */
  stopSignal: 'SIGINT' | 'SIGTERM'
  /** The signal after its certificate was replaced (both files renamed into place); none: it looks by itself. */
  reload: 'SIGHUP' | undefined
}

/** The user id that a process will run under, where the starter may choose (as root). */
export type Owner = { uid: number; gid: number } | undefined
