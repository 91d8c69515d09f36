import * as z from 'zod';
import { apiUrl, xApi } from '../../config/environment.ts';
import { openContext } from '../../context.ts';
import { usualPrices } from '../../cost.ts';
import { examineOffline } from '../../doctor/offline.ts';
import { examineOnline, forecast } from '../../doctor/online.ts';
import { type Checkup, type Finding, isChosen, linesOf, providerIdOf, Report } from '../../doctor/report.ts';
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
