/**
 * How a process learns what it is: one JSON document on file descriptor 3, read once, checked whole.
 *
 * Neither secrets nor configuration stand on a command line or in the environment, where other users and
 * child processes could read them (S1.5). Descriptor 4 tells the supervisor that the process is ready.
 */
import { readFileSync, writeSync } from 'node:fs'
import { z } from 'zod'

const names = z.strictObject({
  brand: z.string(),
  trustDomain: z.string(),
  cookiePrefix: z.string(),
  /** Short id of this checkout: part of cookie names, so that two checkouts share one browser profile. */
  checkout: z.string(),
})

const enrolment = z.strictObject({
  /** The certificate authority's enrolment door, 'https://127.0.0.1:PORT'. */
  pki: z.url(),
  /** One-time secret: worth exactly the certificates named below. */
  secret: z.string().min(32),
  /** Mesh trust roots, PEM. */
  roots: z.string(),
  certificates: z.array(z.enum(['mesh', 'data'])).min(1),
})

const frame = z.strictObject({
  /** 'order-1', 'order-1-gateway', 'edge'. */
  process: z.string(),
  /** The model's name: 'order', 'edge', 'exchange'. */
  workload: z.string(),
  instance: z.int().default(1),
  version: z.string().default('1'),
  names,
  enrolment: enrolment.optional(),
  config: z.unknown(),
  secrets: z.record(z.string(), z.string()).default({}),
})

export type Enrolment = z.infer<typeof enrolment>
export type Names = z.infer<typeof names>
export type Launch<Config> = Omit<z.infer<typeof frame>, 'config'> & { config: Config }
/** What the supervisor writes: defaults may be left out. */
export type LaunchDocument = z.input<typeof frame>

/** Reads descriptor 3. An unusable value is named with what is allowed, and the process exits with 78 (EX_CONFIG). */
export function readLaunch<Config>(config: z.ZodType<Config>, read = () => readFileSync(3, 'utf8')): Launch<Config> {
  const schema = frame.extend({ config })
  let document: unknown
  try {
    document = JSON.parse(read())
  } catch {
    refuse('descriptor 3 does not hold a JSON launch document; start this process through the runner (npm start)')
  }
  const checked = schema.safeParse(document)
  if (!checked.success) refuse(z.prettifyError(checked.error))
  process.umask(0o007) // sockets: owner and the one peer group; files set their own mode
  return checked.data as Launch<Config>
}

/** Tells the supervisor that this process serves. */
export function ready(): void {
  try {
    writeSync(4, 'ready\n')
  } catch {
    // started by hand, without a supervisor
  }
}

function refuse(why: string): never {
  process.stderr.write(`unusable configuration:\n${why}\n`)
  process.exit(78)
}
