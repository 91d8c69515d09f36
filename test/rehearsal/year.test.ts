import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '../../src/rehearsal/rehearse.ts';
import { lines, offsetOf, type Posted, rehearsed } from './rehearsed.ts';

/*
 * A year of 40 bots, held against slots that are found without cron and without a calendar: every quarter of an hour of the
 * year is looked at on the zone's own clock, as `Intl` shows it.
 */

const quarter = 15 * 60_000;
const day = 86_400_000;
const from = Date.parse('2026-05-01T00:00:00Z');
const until = from + 365 * day;

/** Their clocks change by an hour, by half an hour, at midnight, in the southern spring, or never. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Beirut',
  'Pacific/Chatham',
  'Asia/Kathmandu',
  'America/Santiago',
];

/** Local time as `2026-05-01 09:00`, for each quarter of an hour. */
const localTimes = new Map(
  zones.map((zone) => {
    const format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      dateStyle: 'short',
      timeStyle: 'short',
    });
    const times: [instant: number, local: string][] = [];
    for (let instant = from + quarter; instant <= until; instant += quarter)
      times.push([instant, format.format(instant)]);
    return [zone, times] as const;
  }),
);

/** The first quarter of each day at which it is that time or later. */
function dailySlots(zone: string, time: string): number[] {
  const found = new Map<string, number>();
  const begun = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  const [today, now = ''] = begun.format(from).split(' ');
  for (const [instant, local] of localTimes.get(zone) ?? []) {
    const [date = '', clock = ''] = local.split(' ');
    // The slot of the day it begins in is over where its time was there already.
    if (clock < time || found.has(date) || (date === today && now >= time)) continue;
    found.set(date, instant);
  }
  return [...found.values()];
}

/** Every quarter at which the clock shows these minutes. */
const hourlySlots = (zone: string, minute: string): number[] =>
  (localTimes.get(zone) ?? []).filter(([, local]) => local.endsWith(minute)).map(([instant]) => instant);

const schedules = [
  { schedule: '0 9 * * *', slots: (zone: string) => dailySlots(zone, '09:00') },
  { schedule: '30 2 * * *', slots: (zone: string) => dailySlots(zone, '02:30') },
  { schedule: '15 0 * * *', slots: (zone: string) => dailySlots(zone, '00:15') },
  { schedule: '30 1 * * *', slots: (zone: string) => dailySlots(zone, '01:30') },
] as const;

interface Player {
  bot: string;
  zone: string;
  schedule: string;
  spread: number;
  slots: number[];
}

const players = Array.from({ length: 40 }, (_, index): Player => {
  const zone = zones[index % zones.length] ?? 'UTC';
  const { schedule, slots } = schedules[Math.floor(index / zones.length) % schedules.length] ?? schedules[0];
  const spread = index % 3 === 0 ? 20 * 60_000 : 0;
  return { bot: `bot-${index + 1}`, zone, schedule, spread, slots: slots(zone) };
});

const flock = {
  poems: Object.fromEntries(players.map(({ bot }, index) => [bot, lines(bot, 20 + 10 * index)])),
  settings: {
    bots: Object.fromEntries(
      players.map(({ bot, zone, schedule, spread }) => [
        bot,
        { timezone: zone, schedule, spread: `${spread / 60_000}m` },
      ]),
    ),
  },
};

/** What a bot has to have posted for by the end. */
const due = ({ bot, spread, slots }: Player): number[] =>
  slots.filter((slot) => slot + offsetOf(bot, spread) <= until);

const slotsOf = (bot: string, posted: readonly Posted[]): number[] =>
  posted.filter((post) => post.bot === bot).map(({ slot }) => slot);

function tell(context: { diagnostic: (text: string) => void }, report: Report, begun: number): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  context.diagnostic(`a year of 40 bots, ${report.posted} posts, in ${seconds} s`);
}

describe('a year of 40 bots', () => {
  it('has every slot of every zone, each with its line, on time', async (context) => {
    const begun = performance.now();
    const { report, posted } = await rehearsed(flock, { days: 365, from: new Date(from).toISOString() });
    tell(context, report, begun);
    for (const player of players) {
      assert.deepEqual(
        slotsOf(player.bot, posted),
        due(player),
        `${player.bot} in ${player.zone}: ${player.schedule}`,
      );
    }
    const all = players.flatMap(due).length;
    assert.ok(all > 40 * 363, 'the count is of a whole year');
    assert.deepEqual(
      [report.posted, report.lines, report.refused, report.inDoubt, report.missed, report.broken],
      [all, all, 0, 0, 0, []],
    );
    assert.equal(report.usd, Math.round(all * 15) / 1000);
    assert.equal(report.bill, report.usd);
    assert.ok(report.kept);
    const latest = Math.max(...players.map(({ bot, spread }) => offsetOf(bot, spread)));
    assert.deepEqual([report.late?.max, report.spread], [0, latest]);
  });

  it('has them with faults too: every line once, a little later', async (context) => {
    const begun = performance.now();
    const options = { days: 365, from: new Date(from).toISOString(), faults: 0.05, seed: 'a bad year' };
    const { report, posted } = await rehearsed(flock, options);
    tell(context, report, begun);
    for (const player of players) {
      assert.deepEqual(slotsOf(player.bot, posted), due(player), `${player.bot} in ${player.zone}`);
    }
    assert.deepEqual([report.broken, report.unsettled, report.kept], [[], 0, true]);
    assert.equal(report.posted, players.flatMap(due).length);
    assert.ok(report.inDoubt > 100 && report.refused > 10, 'there was something to bear');
    assert.ok((report.late?.max ?? 0) > 190_000, 'what was in doubt came late');
    // A look whose answer is lost is charged for all that it may have cost.
    context.diagnostic(`ledger $${report.usd}, bill $${report.bill}`);
    assert.ok(report.usd >= report.bill * 0.99 && report.usd <= report.bill * 1.25);
  });
});

describe('an hourly schedule', () => {
  it('keeps its rhythm in real time where the clock changes', async () => {
    const hourly = zones.map((zone) => ({ bot: zone.toLowerCase().replaceAll(/[^a-z]/g, '-'), zone }));
    const options = { from: '2027-03-01T00:00:00Z', days: 45 };
    const { report, posted } = await rehearsed(
      {
        poems: Object.fromEntries(hourly.map(({ bot }) => [bot, lines(bot, 30)])),
        settings: {
          schedule: '30 * * * *',
          bots: Object.fromEntries(hourly.map(({ bot, zone }) => [bot, { timezone: zone }])),
        },
      },
      options,
    );
    const end = Date.parse(options.from) + 45 * day;
    for (const { bot, zone } of hourly) {
      const slots = hourlySlots(zone, ':30').filter(
        (slot) => slot > Date.parse(options.from) && slot <= Math.min(end, until),
      );
      assert.deepEqual(slotsOf(bot, posted), slots, zone);
    }
    assert.ok(report.kept);
  });
});
