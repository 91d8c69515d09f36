import * as z from 'zod';
import { apiUrl, xApi } from '../../config/environment.ts';
import { openContext } from '../../context.ts';
import { inMicros, inUsd, usualPrices } from '../../cost.ts';
import { examineOffline } from '../../doctor/offline.ts';
import { examineOnline, forecast } from '../../doctor/online.ts';
import { type Checkup, type Finding, isChosen, providerIdOf } from '../../doctor/finding.ts';
import { counted, grouped } from '../../text.ts';
import { botFlags, command, jsonFlag, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { botsWithKeys } from './each-bot.ts';

const schema = z.object({
  offline: toggle('check the files only, which costs nothing'),
  bot: botFlags.meta({ description: 'check only this bot; may be repeated' }),
  json: jsonFlag,
  ...placeFlags,
});

type Args = z.infer<typeof schema>;

export const doctor = command({
  summary: 'Check app keys, bundles, permissions, the clock and the providers',
  schema,
  exits: { partly: 'something is wrong' },
  examples: [
    [
      'keymaker doctor',
      `check everything; X charges $${usualPrices.userRead} an account (${usualPrices.date})`,
    ],
    ['keymaker doctor --offline --json', 'for a program, free of charge'],
  ],
  async run(args, terminal) {
    await using context = openContext(args);
    const chosen = new Set(await botsWithKeys(args.bot, context, args));
    const checkup: Checkup = { ...context, chosen, keymaker: withInvocationFlags(args) };
    const report = new Report(await examine(checkup, args, terminal));
    if (args.json) terminal.print(`${JSON.stringify(report, null, 2)}\n`);
    else show(report, terminal);
    return report.isHealthy ? 'done' : 'partly';
  },
});

async function examine(checkup: Checkup, args: Args, terminal: Terminal): Promise<Finding[]> {
  const { findings, known } = await examineOffline(checkup);
  if (args.offline) return findings;
  if (!args.json) {
    const reads = known.bundles.filter(
      (one) => isChosen(checkup, one.bot) && providerIdOf(one) === 'x',
    ).length;
    terminal.say(forecast(reads, { isX: apiUrl() === xApi, prices: usualPrices }));
    terminal.say();
  }
  return [...findings, ...(await examineOnline(checkup, known))];
}

function show({ groups, summary, isHealthy }: Report, terminal: Terminal): void {
  for (const group of groups) {
    for (const finding of group) {
      const [line, hint] = linesOf(finding);
      terminal.say(line, finding.result === 'ok' ? undefined : 'bold');
      if (hint !== undefined) terminal.say(hint);
    }
    terminal.say();
  }
  terminal.say(summary, isHealthy ? 'green' : 'bold');
}

const signs = { ok: 'ok', warn: 'warn', bad: 'bad', skipped: 'skip' };

/** The lines of a finding: one for the result, and one for the hint if there is one. */
export function linesOf({ result, subject, message, hint }: Finding): string[] {
  const line = `${signs[result].padEnd(4)}  ${subject}: ${message}`;
  return hint === undefined ? [line] : [line, `hint: ${hint}`];
}

/** The report of all findings. */
export class Report {
  /** First the findings about the flock, then those of each bot, by name. */
  readonly groups: Finding[][];
  readonly isHealthy: boolean;

  constructor(findings: readonly Finding[]) {
    const flock = findings.filter(({ about }) => about === 'flock');
    const ofBots = findings.filter(({ about }) => about === 'bot');
    const bots = [...grouped(ofBots, ({ subject }) => subject)].sort(([a], [b]) => (a < b ? -1 : 1));
    this.groups = [flock, ...bots.map(([, group]) => group)].filter((group) => group.length > 0);
    this.isHealthy = findings.every(({ result }) => result !== 'bad');
  }

  /** `12 checks: 10 ok, 1 warning, 1 bad.` */
  get summary(): string {
    const results = this.groups.flat().map(({ result }) => result);
    const count = (wanted: Finding['result']): number => results.filter((result) => result === wanted).length;
    const others = [counted(count('warn'), 'warning'), `${count('bad')} bad`, `${count('skipped')} skipped`];
    const parts = [`${count('ok')} ok`, ...others.filter((part) => !part.startsWith('0 '))];
    return `${counted(results.length, 'check')}: ${parts.join(', ')}.`;
  }

  toJSON(): object {
    const findings = this.groups.flat();
    return {
      ok: this.isHealthy,
      cost_usd: inUsd(findings.reduce((sum, { cost }) => sum + inMicros(cost), 0)),
      checks: findings.map(({ check, subject, result, message, hint, cost }) => ({
        check,
        subject,
        result,
        message,
        ...(hint !== undefined && { hint }),
        cost_usd: cost,
      })),
    };
  }
}
