import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { apiUrl } from '../../config/environment.ts';
import { type Bot, readFlockFile, splitOf } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { Claims } from '../../daemon/claims.ts';
import { readStatus } from '../../daemon/read-status.ts';
import { isStopped, stopFlock } from '../../daemon/stop-switch.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { type Flock, loadFlock, withoutRenamed } from '../../flock/load.ts';
import type { BotStatus } from '../../flock/status.ts';
import { hasJournal, type Ledger } from '../../ledger/journal.ts';
import { applyEvent, fingerprints } from '../../ledger/state.ts';
import { EventLog } from '../../log.ts';
import { placeOf } from '../../networks/networks.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { readPoem, writtenAt } from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { BotRunner, rereadDelay } from '../../posting/bot-runner.ts';
import { eventsOf, type PostReport, reportOf } from '../../posting/commands.ts';
import { atClock, iso, linesInWords } from '../../text.ts';
import { botArgument, command, jsonFlag, placeFlags, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { knownBot, onLedger, runOrSend } from './ledger.ts';
import { mustHaveLastWord } from './ledger-place.ts';

export const post = command({
  summary: 'Post the next line of a bot now; its schedule stays',
  schema: z.object({ bot: botArgument, json: jsonFlag, ...placeFlags }),
  exits: {
    partly: 'the line was not posted, and the bot needs you',
    tryLater: 'the line waits, or is in doubt',
  },
  examples: [['flockd post howl', 'its next line now, and the one after it at the next slot']],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const { keys, paths } = context;
    const { bot: name, states } = await knownBot(args.bot, context);
    const loaded = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
    const flock = withoutRenamed(loaded, states);
    const noKey = new FlockError('usage', `${name} has no key bundle`, {
      hint: withInvocationFlags(args)(`make-keys ./poems --bot=${name}`),
    });
    const bot = theBot(name, flock, noKey);
    await mustBeReady(bot, context);
    await mustHaveLastWord(paths, args);
    const alone = async (ledger: Ledger): Promise<PostReport | undefined> => {
      await using claims = await Claims.open({ paths, api: apiUrl() });
      // A line of a poem that was changed a moment ago is not posted; a person waits for this answer.
      await sleep(unsettledFor(bot, context) + timerError);
      theBot(name, (await claims.take({ ...flock, bots: [bot] })).flock, noKey);
      await runnerFor(ledger, flock, context).postNow(bot);
      return reportOf(ledger.state(name));
    };
    const report = await runOrSend(paths.state, { order: 'post', bot: name }, alone);
    if (!report)
      throw new FlockError('tryLater', `${name}: the outcome is not known`, {
        hint: withInvocationFlags(args, 'flockd')(`status --bot ${name}`),
      });
    const shown = await shownOf(bot, report, context);
    if (args.json) terminal.print(`${JSON.stringify(shown, null, 2)}\n`);
    else await say(shown, bot, terminal);
    return exits[report.state];
  },
});

const exits: Record<PostReport['state'], Exit> = {
  posted: 'done',
  waiting: 'tryLater',
  'in doubt': 'tryLater',
  parked: 'partly',
};

/**
 * Whether a bot without a ledger can post its first line. It is asked before a ledger is begun, so that a refusal leaves none
 * behind.
 *
 * @throws {FlockError} `data` if its poem cannot be read, `usage` if it is paused
 */
async function mustBeReady(ofFlock: Bot, { clock, paths }: Context): Promise<void> {
  const { name: bot, poemFile, settings } = ofFlock;
  if (await hasJournal(paths.state)) return;
  const at = clock.now();
  const poem = fingerprints(await linesOf(poemFile, splitOf(ofFlock), readPoem));
  const readiness = { ...settings, isStopped: isStopped(paths.state) };
  eventsOf({ order: 'post', bot }, applyEvent(undefined, { event: 'begun', bot, at, poem }), at, readiness);
}

/** @throws {FlockError} why it cannot post */
function theBot(name: BotName, { bots, invalidBots }: Flock, noKey: FlockError): Bot {
  const found = bots.find((bot) => bot.name === name);
  if (found) return found;
  throw invalidBots.find(({ bot }) => bot === name)?.error ?? noKey;
}

/** A timer may be early by this. Milliseconds. */
const timerError = 1;

/** How long a bot's poem must still be unchanged before flockd posts from it. Milliseconds. */
function unsettledFor({ poemFile }: Bot, { clock }: Context): number {
  const left = (writtenAt(poemFile) ?? -Infinity) + rereadDelay - clock.now();
  return Math.min(Math.max(left, 0), rereadDelay);
}

/** A runner for one post of one bot. */
function runnerFor(
  ledger: Ledger,
  { bots, flockBudget }: Flock,
  { clock, openAccount, askTime, deadline, paths }: Context,
): BotRunner {
  return new BotRunner({
    ledger,
    clock,
    log: new EventLog(),
    openAccount,
    askTime,
    deadline,
    readPoem,
    writtenAt,
    flockBudget: () => flockBudget,
    bots: () => bots,
    isStopped: () => isStopped(paths.state),
    isUp: (bot) => bots.some(({ name, settings }) => name === bot && !settings.paused),
    opened: () => undefined,
    brake: (why) => stopFlock(paths.state, why),
  });
}

/** Why nothing was tried, and until when. Empty if it was tried. */
async function whyUntried(
  bot: Bot,
  { state, until }: PostReport,
  context: Context,
): Promise<Partial<Pick<BotStatus, 'why' | 'hint' | 'until'>>> {
  if (state !== 'waiting' || until !== undefined) return {};
  if (unsettledFor(bot, context) > 0) return { why: 'its poem was changed in the last 5 seconds' };
  const found = (await readStatus(context)).bots.find((status) => status.bot === bot.name);
  return found?.state === 'waiting' && found.hint !== undefined
    ? found
    : {
        why: `${placeOf(bot.bundle)} takes no posts ${bot.bundle.server === undefined ? 'of this app ' : ''}just now`,
      };
}

/** A report as JSON shows it. */
async function shownOf(bot: Bot, report: PostReport, context: Context) {
  const { state, line, lines, of, id, at } = report;
  const untried = await whyUntried(bot, report, context);
  return {
    bot: bot.name,
    state,
    line,
    lines,
    of,
    id,
    url: id === undefined ? undefined : context.pages(bot.bundle)?.post(id),
    at: at === undefined ? undefined : iso(at),
    why: untried.why ?? report.why,
    hint: untried.hint ?? report.hint,
    until: untried.until ?? (report.until === undefined ? undefined : iso(report.until)),
  };
}

async function say(
  { bot, state, line, lines = 1, of, url, why = '', hint, until }: Awaited<ReturnType<typeof shownOf>>,
  ofFlock: Bot,
  terminal: Terminal,
): Promise<void> {
  const { poemFile, settings } = ofFlock;
  if (state === 'posted') {
    terminal.say(
      `${bot} has posted ${linesInWords(line, lines)} of ${of}${url === undefined ? '.' : `: ${url}`}`,
    );
    const poem = await linesOf(poemFile, splitOf(ofFlock), readPoem);
    const posted = poem.slice(line - 1, line - 1 + lines).map(({ text }) => text);
    terminal.say(posted.join('\n').replaceAll(/^/gm, '  '));
    return;
  }
  const said = {
    waiting: `was not posted: ${why}; flockd run tries again ${until === undefined ? 'once it may' : `at ${atClock(until, settings.timezone)}`}`,
    'in doubt': `is in doubt: ${why}`,
    parked: `was not posted, and the bot needs you: ${why}`,
  };
  terminal.warn(`${bot}: line ${line} of ${of} ${said[state]}`, hint);
}
