import { inMicros, inUsd } from '../cost.ts';
import type { Finding, Result } from './finding.ts';

/** Findings in the order they are read in: the flock's first, then bot by bot. */
export function grouped(findings: readonly Finding[]): Finding[][] {
  const flock = findings.filter(({ about }) => about === 'flock');
  const bots = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.about === 'bot') bots.set(finding.subject, [...(bots.get(finding.subject) ?? []), finding]);
  }
  const byName = [...bots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return [flock, ...byName].filter((group) => group.length > 0);
}

const signs: Record<Result, string> = { ok: 'ok', warn: 'warn', bad: 'bad', skipped: 'skip' };

/** One line a finding, and one for its repair. */
export function linesOf({ result, subject, message, hint }: Finding): string[] {
  const line = `${signs[result].padEnd(4)}  ${subject}: ${message}`;
  return hint === undefined ? [line] : [line, `hint: ${hint}`];
}

/** `12 checks: 10 ok, 1 warning, 1 bad.` */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (result: Result): number => findings.filter((finding) => finding.result === result).length;
  const [warnings, bad, skipped] = [count('warn'), count('bad'), count('skipped')];
  const parts = [
    `${count('ok')} ok`,
    ...(warnings > 0 ? [warnings === 1 ? '1 warning' : `${warnings} warnings`] : []),
    ...(bad > 0 ? [`${bad} bad`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  return `${findings.length === 1 ? '1 check' : `${findings.length} checks`}: ${parts.join(', ')}.`;
}

export const isHealthy = (findings: readonly Finding[]): boolean =>
  findings.every(({ result }) => result !== 'bad');

/** The report for programs. */
export function reportOf(findings: readonly Finding[]): object {
  return {
    ok: isHealthy(findings),
    cost_usd: inUsd(findings.reduce((sum, { cost }) => sum + inMicros(cost), 0)),
    checks: grouped(findings)
      .flat()
      .map(({ check, subject, result, message, hint, cost }) => ({
        check,
        subject,
        result,
        message,
        ...(hint !== undefined && { hint }),
        cost_usd: cost,
      })),
  };
}
