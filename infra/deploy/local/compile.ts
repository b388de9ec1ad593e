/**
 * Fills Node's compile cache (NODE_COMPILE_CACHE) with what the programs named on the command line consist of: types
 * stripped, code compiled. A program without a launch document ends at once, when all that it imports has been loaded.
 */
import { flushCompileCache } from 'node:module'

process.exit = () => { throw new Error('no launch document') }
process.stderr.write = () => true
for (const program of process.argv.slice(2)) await import(program).catch(() => {})
flushCompileCache()
