import { html } from 'hono/html';
import * as z from 'zod';
import type { Trial, Trouble } from '../../alarms/call.ts';
import type { Clock } from '../../clock.ts';
import type { Daemon } from '../../daemon/daemon.ts';
import { isStopped, releaseFlock, stopFlock } from '../../daemon/stop-switch.ts';
import { FlockError } from '../../errors.ts';
import { shownState } from '../../flock/status.ts';
import type { BotState } from '../../ledger/state.ts';
import { reportOf } from '../../posting/commands.ts';
import { counted, listed, linesInWords } from '../../text.ts';
import type { Html } from '../layout.ts';
import { same, type WebApp, type WebContext } from '../server.ts';
import { type BotDetails, doubtName } from './bot-details.ts';
import { noticePage, pageOf } from './parts.ts';
import type { BotView, FlockView, SnapshotCache } from './snapshot.ts';

/*
 * What a person can do from the pages where flockd runs with --allow-control: the forms, and what becomes of them. Each is a
 * command of the command line.
 */

/** What the forms of a page depend on; undefined where it only shows. */
export type Control = { token: string; trials: readonly Pick<Trial, 'kind'>[] } | undefined;

const orderNames = { post: 'Post now', pause: 'Pause', resume: 'Resume' } as const;
type BotOrder = keyof typeof orderNames;

/** The buttons of one bot that have an effect as it stands. @param isOwnPage - whether they are on the page of that bot */
export function botControls(bot: BotView, control: Control, { isOwnPage = false } = {}): Html | undefined {
  if (!control) return undefined;
  const orders = ordersFor(bot);
  const mayResolve = bot.state === 'in doubt' && !isOwnPage;
  if (orders.length === 0 && !mayResolve) return undefined;
  const forms = orders.map((order) => botForm(order, bot, control.token, isOwnPage));
  return html`<div class="controls">
    ${mayResolve && html`<a class="button" href="${pageOf(bot.bot)}#doubt">Resolve …</a>`} ${forms}
  </div>`;
}

/**
 * A bot's place as its form has it: `2.14` is line 14 of the second reading. An order to post is for that line, so that
 * several clicks post it once.
 */
const placeName = (pass: number, done: number): string => `${pass}.${done + 1}`;

function ordersFor(bot: BotView): readonly BotOrder[] {
  if (bot.needsKey) return [];
  if (bot.pausedSince !== undefined || bot.state === 'parked') return ['resume'];
  if (['fine', 'waiting'].includes(bot.state)) return bot.capped ? ['pause'] : ['post', 'pause'];
  return shownState(bot).name === 'checking' ? ['pause'] : [];
}

const botForm = (order: BotOrder, bot: BotView, token: string, isOwnPage: boolean): Html =>
  html`<form method="post" action="${isOwnPage ? '' : 'bots/'}${order}" id="${order}-${bot.bot}">
    ${hidden({ csrf: token, bot: bot.bot, place: placeName(bot.pass, bot.done), from: isOwnPage ? 'bot' : 'flock' })}
    <button>${orderNames[order]}<span class="unseen"> (${bot.bot})</span></button>
  </form>`;

const hidden = (fields: Record<string, string>): Html[] =>
  Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  );

export function flockControls({ flock, bots }: FlockView, control: Control): Html | undefined {
  if (!control || bots.length === 0) return undefined;
  const [order, name] = flock.stopped ? ['resume', 'Resume the flock'] : ['pause', 'Pause the flock'];
  return html`<div class="controls">
    <form method="post" action="flock/${order}">
      ${hidden({ csrf: control.token })}<button>${name}</button>
    </form>
  </div>`;
}

/** The question whether a post in doubt has arrived. Nothing is sent before the person has said that they have looked. */
export function resolveForm({ bot, doubt }: BotDetails, control: Control): Html | undefined {
  if (!control || !doubt) return undefined;
  const where = bot.account === undefined ? 'its account' : `@${bot.account}`;
  return html`<form method="post" action="resolve" class="resolve" id="resolve-${doubt.name}">
    ${hidden({ csrf: control.token, bot: bot.bot, doubt: doubt.name, from: 'bot' })}
    <label
      ><input type="checkbox" name="looked" value="yes" required /> I have looked at the timeline of
      ${where}</label
    >
    <div class="controls">
      <button name="posted" value="yes">It was posted</button>
      <button name="posted" value="no">It was not posted: post it again</button>
    </div>
  </form>`;
}

/** Which hooks there are, and a button that tries them. Their addresses are secrets. */
export function alarmsOf(control: Control): Html | undefined {
  if (!control) return undefined;
  const { token, trials } = control;
  if (trials.length === 0)
    return html`<p>
      Nobody is told when a bot needs you. Add <code>hooks</code> to <code>flock.json</code>:
      <a href="manual/monitoring">how</a>.
    </p>`;
  return html`<p>${listed(trials.map(({ kind }) => kind))}</p>
    <form method="post" action="alarms/test">
      ${hidden({ csrf: token })}<button>Send a test alarm</button>
    </form>`;
}

const field = z.string().optional();
const formSchema = z.strictObject({
  csrf: z.string(),
  bot: field,
  place: field,
  doubt: field,
  looked: field,
  posted: field,
  from: field,
});

type Form = z.infer<typeof formSchema> & { bot: string };

interface ControlParts {
  daemon: Pick<Daemon, 'execute'>;
  ledger: { state: (bot: string) => BotState | undefined };
  alarms: { trials: () => Trial[] };
  clock: Clock;
  /** The state folder, where the stop switch is. */
  state: string;
  snapshots: Pick<SnapshotCache, 'forget'>;
}

/** What came of an order, in a sentence, and the part of the page that shows it. */
interface Outcome {
  says: string;
  shownAt: string;
}

/**
 * The routes of the forms. A form sent by the page's script is answered with a sentence, one sent by a browser with the page
 * that it came from.
 *
 * @param token - what a form must carry: only pages of this process have it
 */
export function addControl(app: WebApp, token: string, parts: ControlParts): void {
  const add = (path: string, act: (form: Form) => Promise<Outcome>): void => {
    app.post(path, async (c) => {
      const body: unknown = await c.req.parseBody();
      const { csrf } = z.object({ csrf: z.string().catch('') }).parse(body);
      if (!same(csrf, token)) return c.html(noticePage('That form was not ours', notOurs), 403);
      const form = formSchema.safeParse(body).data;
      if (!form) return c.html(noticePage('That form is not known here', unknownForm), 400);
      const { bot = '' } = form;
      return answer(c, () => act({ ...form, bot }), parts.snapshots);
    });
  };
  for (const order of ['post', 'pause', 'resume', 'resolve'] as const)
    add(`/bots/${order}`, async (form) => {
      const says = await actOf[order](form, parts);
      const shownAt =
        form.from === 'bot' ? encodeURIComponent(form.bot) : `../#bot-${encodeURIComponent(form.bot)}`;
      return { says, shownAt };
    });
  const summary = '../#summary';
  add('/flock/pause', async () => {
    await stopFlock(parts.state, 'stopped from the page of the flock');
    return { says: 'The flock is paused.', shownAt: summary };
  });
  add('/flock/resume', async () => {
    await releaseFlock(parts.state);
    return { says: 'The flock is resumed.', shownAt: summary };
  });
  const tryAlarms = alarmTester(parts);
  add('/alarms/test', async () => ({ says: await tryAlarms(), shownAt: '../#alarms' }));
}

async function answer(
  c: WebContext,
  act: () => Promise<Outcome>,
  snapshots: ControlParts['snapshots'],
): Promise<Response> {
  try {
    const { says, shownAt } = await act();
    // Back to the page, whatever folder a reverse proxy has put it into.
    return c.req.header('accept') === 'text/plain' ? c.text(says) : c.redirect(shownAt, 303);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const { message, hint } = error;
    return await c.html(noticePage('That did not work', message, hint), 409);
  } finally {
    snapshots.forget();
  }
}

const notOurs =
  'It came from another page, or from one that was opened before flockd was started. Nothing was changed.';
const unknownForm = 'It has fields that this page does not send. Nothing was changed; load the page again.';

/** What each order for a bot does, and what came of it. */
const actOf: Record<BotOrder | 'resolve', (form: Form, parts: ControlParts) => Promise<string>> = {
  async post({ bot, place }, { daemon, ledger }) {
    await daemon.execute({ order: 'post', bot }, mustBeAt(bot, place));
    const report = reportOf(ledger.state(bot));
    if (report?.state !== 'posted') return `${bot} has not posted: ${report?.why ?? 'it is not known why'}.`;
    const { line, lines = 1, of } = report;
    return `${bot} posted ${linesInWords(line, lines)} of ${of}.`;
  },
  async pause({ bot }, { daemon }) {
    await daemon.execute({ order: 'pause', bot });
    return `${bot} paused.`;
  },
  async resume({ bot }, { daemon, state }) {
    await daemon.execute({ order: 'resume', bot });
    return isStopped(state) ? `${bot} resumed; it posts when the flock is resumed.` : `${bot} resumed.`;
  },
  async resolve({ bot, doubt, looked, posted }, { daemon }) {
    if (looked !== 'yes' || (posted !== 'yes' && posted !== 'no'))
      throw new FlockError('usage', `nobody has said whether the post of ${bot} arrived`, {
        hint: 'look at its timeline, tick that you have looked, and say which it is',
      });
    const wasPosted = posted === 'yes';
    await daemon.execute({ order: 'resolve', bot, posted: wasPosted }, mustBeInDoubt(bot, doubt));
    return `${bot}: the post in doubt counts as ${wasPosted ? 'posted' : 'not posted, and is posted again'}.`;
  },
};

/** @throws {FlockError} `tryLater` where a bot is not any more where the page showed it: that line was posted */
const mustBeAt =
  (bot: string, place: string | undefined) =>
  (state: BotState | undefined): void => {
    if (place === placeName(state?.pass ?? 1, state?.place.next ?? 0)) return;
    throw new FlockError('tryLater', `${bot} has moved on since the page showed its place`, {
      hint: 'nothing was posted now; where it stands is on the page, which can post its next line too',
    });
  };

/** @throws {FlockError} `tryLater` where another post is in doubt than the page showed, or none */
const mustBeInDoubt =
  (bot: string, doubt: string | undefined) =>
  (state: BotState | undefined): void => {
    if (state?.open && doubt === doubtName(state.open)) return;
    throw new FlockError('tryLater', `the post of ${bot} that the page showed is not in doubt any more`, {
      hint: 'nothing was changed; the page of the bot shows how it stands',
    });
  };

/** How long nobody can try the hooks again: an alarm rings a telephone. Milliseconds. */
const pause = 60_000;

/** Tries all hooks and the ping, and says what came of each. */
function alarmTester({ alarms, clock }: Pick<ControlParts, 'alarms' | 'clock'>): () => Promise<string> {
  let freeAt = -Infinity;
  return async () => {
    const trials = alarms.trials();
    const now = clock.elapsed();
    if (trials.length === 0)
      throw new FlockError('config', 'there are no hooks and no ping in flock.json', {
        hint: 'the manual says how to add one: Monitoring, Alarms',
      });
    if (now < freeAt)
      throw new FlockError('tryLater', 'the hooks were tried less than a minute ago', {
        hint: `try again in ${counted(Math.ceil((freeAt - now) / 1000), 'second')}`,
      });
    freeAt = now + pause;
    const results = await Promise.all(trials.map(async ({ kind, call }) => resultOf(kind, await call())));
    return results.join(' ');
  };
}

const resultOf = (kind: string, trouble: Trouble | undefined): string =>
  trouble
    ? `${kind}: ${trouble.why}${trouble.hint === undefined ? '' : `; ${trouble.hint}`}.`
    : `${kind}: sent.`;
