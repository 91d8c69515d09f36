import { inUsd } from '../cost.ts';
import { keyCauses } from '../posting/post.ts';
import { outcomes } from './metrics-ledger.ts';
import { type BotFacts, mostBots, ofBots, ofFlock, type Row } from './metrics-rows.ts';

/*
 * What flockd measures. Prometheus wants base units (seconds, dollars) and instants as seconds since 1970. No label ever has a
 * text of a poem or an account: bots are known by their names alone.
 */

const botRows: Row[] = [
  ofBots(
    {
      name: 'flockd_posts_total',
      help: 'Posts since flockd began to run, by what came of them.',
      type: 'counter',
      labels: ['outcome'],
    },
    'sum',
    ({ settled }) => outcomes.map((outcome) => ({ labels: { outcome }, value: settled[outcome] })),
  ),
  ofBots(
    { name: 'flockd_last_success_timestamp_seconds', help: 'When the last post was confirmed.' },
    'most',
    ({ status }) => seconds(status.last?.at),
  ),
  ofBots(
    {
      name: 'flockd_next_due_timestamp_seconds',
      help: 'When the next post is due. Missing while none is: the bot is parked, in doubt, paused or finished.',
    },
    'least',
    ({ status }) => seconds(status.next),
  ),
  ofBots(
    {
      name: 'flockd_owed_since_timestamp_seconds',
      help: 'The slot of the post that was refused and waits to be tried again. Missing while there is none.',
    },
    'least',
    ({ status, state }) => (status.state === 'waiting' && state?.owed ? state.owed.slot / 1000 : undefined),
  ),
  ofBots(
    {
      name: 'flockd_in_doubt_since_timestamp_seconds',
      help: 'When the post was sent of which nobody knows yet whether it arrived. Missing while there is none.',
    },
    'least',
    (bot) => (isUnknown(bot) ? bot.state.open.at / 1000 : undefined),
  ),
  ofBots(
    { name: 'flockd_lines_remaining', help: 'Lines until the end of the poem.' },
    'sum',
    ({ status }) => status.of - status.done,
  ),
  ofBots(
    {
      name: 'flockd_key_valid',
      help: '0 where the bot is parked because of its key, or its bundle or poem is not good; else 1.',
    },
    'least',
    (bot) => (isKeyGood(bot) ? 1 : 0),
  ),
  ofBots(
    {
      name: 'flockd_bot_state',
      help: 'The state that flockd status shows; the bot has one at a time.',
      labels: ['state'],
    },
    'sum',
    ({ status }) => [{ labels: { state: status.state }, value: 1 }],
  ),
];

const spendingRows: Row[] = [
  ofBots(
    {
      name: 'flockd_spend_dollars_total',
      help: 'What X charged since the bot began its poem, as far as the ledger knows; posts in doubt are not in it.',
      type: 'counter',
    },
    'sum',
    // What is reserved for a post that is then refused would let a counter go back.
    ({ state }) => inUsd((state?.tally?.total ?? 0) - (state?.open?.cost ?? 0)),
  ),
  ofBots(
    { name: 'flockd_bot_day_posts', help: 'Posts in the day of the bot, those in doubt included.' },
    'sum',
    ({ status }) => status.spent.postsToday,
  ),
  ofBots(
    { name: 'flockd_bot_day_posts_limit', help: 'postsPerDay of the bot; missing where it has none.' },
    undefined,
    ({ status }) => status.budget.postsPerDay,
  ),
  ofBots(
    {
      name: 'flockd_bot_month_dollars',
      help: 'What the bot spent in its month, posts in doubt included.',
    },
    'sum',
    ({ status }) => status.spent.usdMonth,
  ),
  ofBots(
    { name: 'flockd_bot_month_dollars_limit', help: 'usdPerMonth of the bot; missing where it has none.' },
    undefined,
    ({ status }) => status.budget.usdPerMonth,
  ),
  ofFlock(
    { name: 'flockd_day_posts', help: 'Posts in the day of the flock, those in doubt included.' },
    ({ flock }) => flock.spent.postsToday,
  ),
  ofFlock(
    { name: 'flockd_day_posts_limit', help: 'postsPerDay of the flock; missing where it has none.' },
    ({ flock }) => flock.budget.postsPerDay,
  ),
  ofFlock(
    {
      name: 'flockd_month_dollars',
      help: 'What the flock spent in its month, posts in doubt included.',
    },
    ({ flock }) => flock.spent.usdMonth,
  ),
  ofFlock(
    { name: 'flockd_month_dollars_limit', help: 'usdPerMonth of the flock; missing where it has none.' },
    ({ flock }) => flock.budget.usdPerMonth,
  ),
];

const flockRows: Row[] = [
  ofFlock(
    {
      name: 'flockd_bots',
      help: `Bots of the flock. With more than ${mostBots} none has series of its own: one without a bot is for all.`,
    },
    ({ bots }) => bots.length,
  ),
  ofFlock(
    { name: 'flockd_unknown_outcomes', help: 'Posts of which nobody knows whether they arrived.' },
    ({ bots }) => bots.filter(isUnknown).length,
  ),
  ofFlock(
    { name: 'flockd_stopped', help: '1 while the whole flock is stopped, by flockd pause or state/stop.' },
    ({ flock }) => (flock.stopped ? 1 : 0),
  ),
  ofFlock(
    {
      name: 'flockd_scheduler_overdue_seconds',
      help: 'For how long something is due that nobody has begun.',
    },
    ({ overdue }) => overdue / 1000,
  ),
  ofFlock(
    { name: 'flockd_ready', help: 'What /readyz says of each check.', labels: ['check'] },
    ({ checks }) => checks.map(({ check, ok }) => ({ labels: { check }, value: ok ? 1 : 0 })),
  ),
  ofFlock(
    {
      name: 'flockd_config_last_reload_successful',
      help: 'Whether the files of the flock were good when they were read last.',
    },
    ({ reload }) => (reload.good ? 1 : 0),
  ),
  ofFlock(
    {
      name: 'flockd_config_last_reload_success_timestamp_seconds',
      help: 'When the files of the flock were last read and good.',
    },
    ({ reload }) => reload.goodAt / 1000,
  ),
  ofFlock(
    { name: 'flockd_build_info', help: 'Always 1; the version of flockd.', labels: ['version'] },
    ({ version }) => [{ labels: { version }, value: 1 }],
  ),
];

/** Everything that is read from the facts at each scrape. Pure. */
export const rows: readonly Row[] = [...botRows, ...spendingRows, ...flockRows];

/** @param instant - ISO 8601 */
const seconds = (instant: string | undefined): number | undefined =>
  instant === undefined ? undefined : Date.parse(instant) / 1000;

type Unknown = BotFacts & { state: { open: { at: number } } };

/** Whether it has sent a post that has no outcome, and not only looked for one. */
const isUnknown = (bot: BotFacts): bot is Unknown =>
  bot.state?.open !== undefined && bot.state.open.look !== true;

const isKeyGood = ({ status, state }: BotFacts): boolean =>
  status.state !== 'unfit' &&
  !(state?.parked && (keyCauses.has(state.owed?.why ?? '') || state.owed?.why === 'suspended'));
