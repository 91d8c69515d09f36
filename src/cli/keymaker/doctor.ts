import * as z from 'zod';
import { apiUrl, xApi } from '../../config/environment.ts';
import { openContext } from '../../context.ts';
import { inMicros, inUsd, usualPrices } from '../../cost.ts';
import { examineOffline } from '../../doctor/offline.ts';
import { examineNetworks } from '../../doctor/networks.ts';
import { examineOnline, forecast } from '../../doctor/online.ts';
import { FlockError } from '../../errors.ts';
import { type Checkup, type Finding, isChosen, providerIdOf } from '../../doctor/finding.ts';
import { counted, grouped, listed, listedFirst, saidOnce } from '../../text.ts';
import { botFlags, command, jsonFlag, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { botsWithKeys } from './each-bot.ts';

const schema = z.object({
  offline: toggle('check the files only, which costs nothing'),
  repair: toggle('store limits, names and servers that have changed, and set missing bot labels at Bluesky'),
  all: toggle('show each check, also those that are ok'),
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
      `check everything; X charges $${usualPrices.userRead} an account (${usualPrices.date}), others nothing`,
    ],
    ['keymaker doctor --offline --all', 'show what each check of the files found'],
    ['keymaker doctor --offline --json', 'for a program, free of charge'],
  ],
  async run(args, terminal) {
    await using context = openContext(args);
    const chosen = new Set(await botsWithKeys(args.bot, context, args));
    const checkup: Checkup = { ...context, chosen, keymaker: withInvocationFlags(args) };
    if (args.offline && args.repair)
      throw new FlockError('usage', 'either --offline or --repair', { hint: 'leave one out' });
    const report = new Report(await examine(checkup, args, terminal));
    if (args.json) terminal.print(`${JSON.stringify(report, null, 2)}\n`);
    else show(report, args.all || args.repair ? report.each : report.overview, terminal);
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
  const online = await examineOnline(checkup, known);
  return [
    ...findings,
    ...online,
    ...(await examineNetworks(checkup, known.bundles, { repairs: args.repair })),
  ];
}

function show(report: Report, sections: readonly string[][], terminal: Terminal): void {
  for (const section of sections) {
    for (const line of section) terminal.say(line, /^(ok|hint:) /.test(line) ? undefined : 'bold');
    terminal.say();
  }
  terminal.say(report.summary, report.isHealthy ? 'green' : 'bold');
}

const signs = { ok: 'ok', warn: 'warn', bad: 'bad', skipped: 'skip' };

/** The lines of a finding: one for the result, and one for the hint if there is one. */
function linesOf({
  result,
  subject,
  message,
  hint,
}: Pick<Finding, 'result' | 'subject' | 'message' | 'hint'>) {
  const line = `${signs[result].padEnd(4)}  ${subject}: ${message}`;
  return hint === undefined ? [line] : [line, `hint: ${hint}`];
}

/** The maximum number of bots that a line names. */
const maxNames = 3;

/** The report of all findings. */
export class Report {
  /** About the flock. */
  readonly #flock: Finding[];
  /** About each bot, by name. */
  readonly #bots: Finding[][];
  readonly isHealthy: boolean;

  constructor(findings: readonly Finding[]) {
    this.#flock = findings.filter(({ about }) => about === 'flock');
    const ofBots = findings.filter(({ about }) => about === 'bot');
    const bots = [...grouped(ofBots, ({ subject }) => subject)].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#bots = bots.map(([, group]) => group);
    this.isHealthy = findings.every(({ result }) => result !== 'bad');
  }

  get #findings(): Finding[] {
    return [...this.#flock, ...this.#bots.flat()];
  }

  /** The lines of each check: of those about the flock, then bot by bot. */
  get each(): string[][] {
    return [this.#flock, ...this.#bots]
      .filter((findings) => findings.length > 0)
      .map((findings) => findings.flatMap(linesOf));
  }

  /** First what is wrong, each fault once for all bots that have it; then what is well, with the bots in one line. */
  get overview(): string[][] {
    const wrong = (['bad', 'warn'] as const).flatMap((result) => [
      ...this.#ofFlock(result),
      ...this.#ofBots(result),
    ]);
    const fine = [
      ...this.#ofFlock('ok'),
      ...this.#ofFlock('skipped'),
      ...this.#ofBots('skipped'),
      ...this.#fineBots(),
    ];
    return [wrong, fine].filter((lines) => lines.length > 0);
  }

  #ofFlock(result: Finding['result']): string[] {
    return this.#flock.filter((finding) => finding.result === result).flatMap(linesOf);
  }

  #ofBots(result: Finding['result']): string[] {
    const found = this.#bots.flat().filter((finding) => finding.result === result);
    const said = saidOnce(found.map(({ subject, message, hint }) => ({ bot: subject, text: message, hint })));
    return said.flatMap(({ bots, text, hint }) =>
      linesOf({ result, subject: listedFirst(bots, maxNames), message: text, hint }),
    );
  }

  /** `ok    38 bots: all 7 checks` */
  #fineBots(): string[] {
    const fine = this.#bots.filter((findings) => findings.some(isOk) && !findings.some(isFault));
    const byChecks = grouped(fine, (findings) => {
      const ok = findings.filter(isOk).length;
      return `${ok < findings.length ? '' : 'all '}${counted(ok, 'check')}`;
    });
    return Array.from(byChecks, ([message, group]) => {
      const names = group.flatMap(([first]) => first?.subject ?? []);
      const subject = names.length > maxNames ? counted(names.length, 'bot') : listed(names);
      return linesOf({ result: 'ok', subject, message });
    }).flat();
  }

  /** `12 checks: 10 ok, 1 warning, 1 bad.` */
  get summary(): string {
    const results = this.#findings.map(({ result }) => result);
    const count = (wanted: Finding['result']): number => results.filter((result) => result === wanted).length;
    const others = [counted(count('warn'), 'warning'), `${count('bad')} bad`, `${count('skipped')} skipped`];
    const parts = [`${count('ok')} ok`, ...others.filter((part) => !part.startsWith('0 '))];
    return `${counted(results.length, 'check')}: ${parts.join(', ')}.`;
  }

  toJSON(): object {
    const findings = this.#findings;
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

const isOk = ({ result }: Finding): boolean => result === 'ok';
const isFault = ({ result }: Finding): boolean => result === 'bad' || result === 'warn';
