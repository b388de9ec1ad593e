/** What a service tells the system about itself, once, in its `service.ts`. Everything else is derived. */
export type Service = {
  name: string
  /** Topics this service alone may publish: '<noun>.<past participle>'. */
  publishes: string[]
  /** Topics of others that it reads. An unknown one stops the start. */
  subscribes: string[]
  /** Caller → operations of this service it may use. Absent means no (S13.2). */
  callers: Record<string, string[]>
  /** Other workloads' operations are named there; these are parties outside the mesh that it calls. */
  external?: string[]
  /** How many instances run unless asked otherwise. */
  instances?: number
  limits: { memoryMb: number; cpu: number }
}
