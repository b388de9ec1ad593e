/** What `npm run status` tells. */
import type { LabInstance } from './lab-instances.ts'
import type { PlannedProcess } from './plan.ts'
import type { Child } from './supervisor.ts'

type ProcessStatus = { name: string; kind: string; service?: string; instance?: number; version: string; health: 'healthy' | 'starting' | 'unhealthy'; state: string; pid?: number; uid: number; restarts: number; seconds: number; reason?: string; lastLines?: string[] }
export type Status = { phase: string; startedAt: string; isHealthy: boolean; processes: ProcessStatus[]; absent: string[]; losses: string[]; controlsOff: { control: string; strategies: string[]; until?: string }[]; /** What is registered and is none of the shop's. */ labInstances: LabInstance[] }

export type StatusInput = { phase: string; startedAt: Date; losses: string[]; absent: string[]; processes: PlannedProcess[]; children: Child[]; controlsOff: Status['controlsOff']; labInstances: LabInstance[] }

export function describeStatus({ phase, startedAt, losses, absent, processes, children, controlsOff, labInstances }: StatusInput, now = Date.now()): Status {
  const byName = new Map(children.map((child) => [child.name, child]))
  const rows = processes.map((one): ProcessStatus => {
    const child = byName.get(one.name)
    const state = child?.state ?? 'waiting'
    return {
      name: one.name, kind: one.kind, ...(['service', 'micro-gateway'].includes(one.kind) && { service: one.workload, instance: one.instance }), version: '1', state,
      health: state === 'ready' ? 'healthy' : phase === 'starting' && state !== 'failing' ? 'starting' : 'unhealthy',
      ...(child?.pid && { pid: child.pid }), uid: one.uid, restarts: child?.restarts ?? 0, seconds: child ? Math.round((now - child.since) / 1000) : 0,
      ...(child?.reason && { reason: child.reason, lastLines: child.lastLines ?? [] }),
    }
  })
  return { phase, startedAt: startedAt.toISOString(), isHealthy: phase === 'ready' && rows.every(({ health }) => health === 'healthy'), processes: rows, absent, losses, controlsOff, labInstances }
}

/** For people: a line each, and of what is not healthy its last words. */
export function printStatus(status: Status, now = Date.now()): string {
  const width = Math.max(...status.processes.map(({ name }) => name.length), 8) + 2
  const rows = status.processes.map((p) => [p.name.padEnd(width), p.health.padEnd(11), p.kind.padEnd(15), `v${p.version}`.padEnd(5), `pid ${p.pid ?? '-'}`.padEnd(12), `uid ${p.uid}`.padEnd(11), `restarts ${p.restarts}`].join('')
    + (p.reason ? `\n    ${p.state === 'failing' ? 'keeps dying' : p.state}: ${p.reason}\n${(p.lastLines ?? []).map((line) => `      ${line}`).join('\n')}` : ''))
  const list = (title: string, lines: string[]) => lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  - ${line}`)]
  const left = (until: string) => { const s = Math.max(0, Math.round((Date.parse(until) - now) / 1000)); return `${Math.floor(s / 60)} min ${s % 60} s` }
  return [
    // First: whoever looks must not overlook it.
    ...status.controlsOff.map(({ control, strategies, until }) => `*** WITHOUT ${control} (${strategies.join(', ')})${until ? ` for another ${left(until)}` : ''} — npm run lab -- on --all`),
    ...status.labInstances.map(({ id, address, until }) => `*** DEPLOYED BY THE LAB ${id} at ${address} for another ${left(until)} — npm run lab -- on --all`),
    `${status.phase}, ${status.isHealthy ? 'all healthy' : 'not healthy'}, since ${status.startedAt}`, '', ...rows,
    ...list('Not part of this version (no code):', status.absent),
    ...list('This machine does not give:', status.losses),
  ].join('\n')
}
