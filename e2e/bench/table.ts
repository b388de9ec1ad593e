/** The result for people: a Markdown table, as docs/performance.md keeps it. */
import type { Row } from './compared.ts'

const two = (value: number) => value.toFixed(2)

export function tableOf(rows: Row[]): string {
  const lines = rows.map(({ name, ratio, ofQuartiles, goal, verdict, above, below }) => {
    const sign = goal.better === 'more' ? '≥' : '≤'
    return `| ${name} | **${two(ratio.median)}** (${two(ratio.lowerQuartile)}–${two(ratio.upperQuartile)}; ${two(ratio.min)}–${two(ratio.max)}) | ${two(ofQuartiles)} | ${sign} ${goal.goal} | ${sign} ${goal.acceptable} | ${verdict} | ${figures(above)} | ${figures(below)} |`
  })
  return ['| bench | ratio: median (quartiles; min–max) | of quartiles | goal | acceptable | verdict | µs above | µs below |', '|---|---|---|---|---|---|---|---|', ...lines, ...rows.flatMap(({ name, more }) => (more ? ['', `${name}: ${describe(more)}`] : []))].join('\n')
}

const figures = ({ side, microseconds, parts }: Row['above']) => {
  const each = Object.entries(parts)
  return `${side} ${Math.round(microseconds.median)}${each.length > 1 ? ` = ${each.map(([part, value]) => `${part} ${Math.round(value)}`).join(' + ')}` : ''}`
}

function describe(more: Record<string, any>): string {
  return `${(more['sessionHits'] * 100).toFixed(1)} % of sessions at least and ${(more['tokenHits'] * 100).toFixed(1)} % of tokens (${more['tracesRead']} traces) came from a cache; without exchange, access and vault ${two(more['withoutIssuing'].median)}`
}
