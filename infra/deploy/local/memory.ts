/** Measured memory: the proportional set size of processes and all their descendants. @see proc(5), smaps_rollup */
import { readFileSync, readdirSync } from 'node:fs'

/** Bytes; null where the machine does not tell (macOS). */
export function measureMemory(roots: number[]): number | null {
  if (process.platform !== 'linux') return null
  const parents = new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid): [number, number][] => {
    const stat = read(`/proc/${pid}/stat`)
    return stat ? [[Number(pid), Number(stat.split(') ').at(-1)?.split(' ')[1])]] : []
  }))
  const isOurs = (pid: number): boolean => roots.includes(pid) || (parents.has(pid) && isOurs(parents.get(pid) as number))
  const sizes = [...parents.keys()].filter(isOurs).map((pid) => Number(read(`/proc/${pid}/smaps_rollup`)?.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? 0))
  return sizes.reduce((sum, kilobytes) => sum + kilobytes * 1024, 0)
}

function read(path: string): string | undefined {
  try { return readFileSync(path, 'utf8') } catch { return undefined }
}
