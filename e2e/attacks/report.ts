/** The report as docs/contract says it, with JUnit XML and SARIF beside it for tools that read those. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from './harness.ts'

export type Report = { version: 1; startedAt: string; finishedAt: string; commit: string; attacks: Result[] }

const xml = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')

export function junit({ attacks }: Report): string {
  const cases = attacks.map(({ id, goal, outcome, reason, durationMs }) => {
    const name = `<testcase classname="attacks" name="${xml(`${id} ${goal}`)}" time="${(durationMs / 1000).toFixed(3)}"`
    if (outcome === 'proven') return `${name}/>`
    const kind = outcome === 'not-run' ? 'skipped' : outcome === 'error' ? 'error' : 'failure'
    return `${name}><${kind} message="${xml(`${outcome}${reason ? `: ${reason}` : ''}`)}"/></testcase>`
  })
  const count = (...outcomes: string[]) => attacks.filter((a) => outcomes.includes(a.outcome)).length
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="attacks" tests="${attacks.length}" failures="${count('won', 'undetected', 'off-failed')}" errors="${count('error')}" skipped="${count('not-run')}">\n${cases.join('\n')}\n</testsuite>\n`
}

/** SARIF 2.1.0: a result for each attack that is not proven; its rule is the strategy. */
export function sarif({ attacks }: Report): object {
  const failed = attacks.filter((a) => a.outcome !== 'proven' && a.outcome !== 'not-run')
  const rules = [...new Set(attacks.flatMap((a) => a.strategies))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'attacks', rules: rules.map((id) => ({ id, shortDescription: { text: `NIST SP 800-204 ${id}` } })) } },
      results: failed.map(({ id, strategies, goal, outcome, reason }) => ({
        ruleId: strategies[0], level: outcome === 'won' ? 'error' : 'warning', message: { text: `${id} ${outcome}: ${goal}${reason ? ` (${reason})` : ''}` },
        locations: [{ physicalLocation: { artifactLocation: { uri: 'docs/strategies.md' } } }],
      })),
    }],
  }
}

export function writeReport(folder: string, startedAt: Date, attacks: Result[]): Report {
  const commit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' }).stdout?.trim() || 'unknown'
  const report: Report = { version: 1, startedAt: startedAt.toISOString(), finishedAt: new Date().toISOString(), commit, attacks }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'attacks.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(join(folder, 'attacks.xml'), junit(report))
  writeFileSync(join(folder, 'attacks.sarif'), `${JSON.stringify(sarif(report), null, 2)}\n`)
  return report
}
