/**
 * How a child is started: under its own user id, without new privileges, without core dumps, and so that it dies with
 * the runner. On Linux `setpriv` does it and keeps the pid; elsewhere a guardian shell ends what the runner left behind.
 * @see setpriv(1), prctl(2) PR_SET_PDEATHSIG: the signal comes when the spawning thread ends, so only the main thread spawns.
 */
import { spawn, spawnSync } from 'node:child_process'
import { isRoot } from './files.ts'

export type Program = { file: string; args: string[]; env: Record<string, string>; cwd: string }
export type Confinement = {
  /** Program and spawn options that confine it. */
  confine(program: Program, uid: number): { file: string; args: string[]; uid?: number; gid?: number }
  started(pid: number): void
  ended(pid: number): void
  /** Protections that this machine does not give, for people. */
  losses: string[]
}

export function chooseConfinement(hasOwnIds = isRoot): Confinement {
  const losses: string[] = []
  if (!hasOwnIds) losses.push('all processes run under one user id (S2.6-b is not-run): only root can give each its own')
  const hasSetpriv = process.platform === 'linux' && spawnSync('setpriv', ['--no-new-privs', '--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0
  if (process.platform === 'linux' && spawnSync('prlimit', ['--pid', String(process.pid), '--core=0'], { stdio: 'ignore' }).status !== 0) losses.push('core dumps are not switched off: prlimit (util-linux) is missing')
  if (hasSetpriv)
    return {
      losses, started: () => {}, ended: () => {},
      confine: ({ file, args }, uid) => ({ file: 'setpriv', args: [...(hasOwnIds ? ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'] : []), '--no-new-privs', '--pdeathsig', 'KILL', '--', file, ...args] }),
    }
  losses.push('children can gain privileges by setuid programs: setpriv (util-linux) is missing')
  const guardian = startGuardian()
  return {
    losses, started: (pid) => guardian(`+${pid}`), ended: (pid) => guardian(`-${pid}`),
    confine: ({ file, args }, uid) => ({ file: '/bin/sh', args: ['-c', 'ulimit -c 0; exec "$@"', 'sh', file, ...args], ...(hasOwnIds && { uid, gid: uid }) }),
  }
}

const GUARDIAN = `trap '' HUP INT TERM; pids=''
while read -r line; do
  case $line in
    +*) pids="$pids \${line#+}" ;;
    -*) rest=''; for pid in $pids; do [ "$pid" = "\${line#-}" ] || rest="$rest $pid"; done; pids=$rest ;;
  esac
done
for pid in $pids; do kill -KILL "-$pid" 2>/dev/null; done`

function startGuardian(): (line: string) => void {
  const shell = spawn('/bin/sh', ['-c', GUARDIAN], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} })
  shell.unref()
  return (line) => void shell.stdin.write(`${line}\n`)
}
