/** The project's cache of unpacked packages. A folder that stands there under its name is whole and was tried. */
import { chmod, glob, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bringPackages } from './apt.ts'

/** `folder`: where it ends up. `prove` throws when what was unpacked below `root` does not work on this machine. */
export type Recipe = { packages: string[]; folder: string; prove(root: string): Promise<unknown> }

/** Raised when what a recipe brings changes: an older cache is then made anew. */
const RECIPE = 1
const stamp = `${JSON.stringify({ recipe: RECIPE })}\n`

export const isWhole = async (folder: string): Promise<boolean> => (await readFile(join(folder, 'stamp.json'), 'utf8').catch(() => '')) === stamp

/** Unpacks beside the cache, tries what was unpacked, then renames. Answers what went wrong on the way, if anything. */
export async function bringIntoCache(recipes: Map<string, Recipe>, cacheDir: string, onProgress: (text: string) => void): Promise<string | undefined> {
  await mkdir(cacheDir, { recursive: true })
  for await (const left of glob(`${cacheDir}/unpacking-*`)) if (!isAlive(Number(left.match(/unpacking-(\d+)-/)?.[1]))) await rm(left, { recursive: true, force: true })
  const fresh = await mkdtemp(join(cacheDir, `unpacking-${process.pid}-`))
  try {
    const brought = await bringPackages(new Map([...recipes].map(([name, { packages }]) => [name, packages])), (name) => join(fresh, name), onProgress)
    for (const name of brought.parts) {
      const { folder, prove } = recipes.get(name) as Recipe
      const root = join(fresh, name)
      await prove(root)
      await chmod(root, 0o755)
      await writeFile(join(root, 'stamp.json'), stamp)
      if ((await isWhole(folder)) && (await prove(folder).then(() => true, () => false))) continue // another start was faster
      await rm(folder, { recursive: true, force: true })
      await rename(root, folder)
    }
    return brought.failure
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
