import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createTask } from 'node-cron';
import { nextAfter, scheduleFault } from '../../src/schedule/schedule.ts';

/** The first slots after an instant, in UTC without seconds where these are 0. */
function slotsOf(expression: string, timezone: string, after: string, count: number): string[] {
  const slots: string[] = [];
  let instant = Date.parse(after);
  for (let found = 0; found < count; found++) {
    const slot = nextAfter({ expression, timezone }, instant);
    if (slot === undefined) break;
    slots.push(new Date(slot).toISOString().replace(/(:00)?\.000Z$/, 'Z'));
    instant = slot;
  }
  return slots;
}

interface Case {
  name: string;
  expression: string;
  timezone: string;
  after: string;
  slots: string[];
}

const run = (cases: Case[]): void => {
  for (const { name, expression, timezone, after, slots } of cases) {
    it(`${name}: ${expression} in ${timezone}`, () => {
      assert.deepEqual(slotsOf(expression, timezone, after, slots.length), slots);
    });
  }
};

describe('a fixed time that the clock skips comes once, right after the gap', () => {
  run([
    {
      name: 'the gap of 2026',
      expression: '30 2 * * *',
      timezone: 'America/New_York',
      after: '2026-03-07T00:00Z',
      slots: ['2026-03-07T07:30Z', '2026-03-08T07:00Z', '2026-03-09T06:30Z'],
    },
    {
      name: 'two times in one gap',
      expression: '15,45 2 * * *',
      timezone: 'America/New_York',
      after: '2026-03-08T00:00Z',
      slots: ['2026-03-08T07:00Z', '2026-03-09T06:15Z'],
    },
    {
      name: 'one in the gap, one right after it',
      expression: '0 2,3 * * *',
      timezone: 'America/New_York',
      after: '2026-03-08T00:00Z',
      slots: ['2026-03-08T07:00Z', '2026-03-09T06:00Z', '2026-03-09T07:00Z'],
    },
    {
      name: 'the edge before the gap',
      expression: '59 1 * * *',
      timezone: 'America/New_York',
      after: '2026-03-08T00:00Z',
      slots: ['2026-03-08T06:59Z', '2026-03-09T05:59Z'],
    },
    {
      name: 'the edge after the gap',
      expression: '0 3 * * *',
      timezone: 'America/New_York',
      after: '2026-03-08T00:00Z',
      slots: ['2026-03-08T07:00Z', '2026-03-09T07:00Z'],
    },
    {
      name: 'a weekly slot',
      expression: '30 2 * * 0',
      timezone: 'America/New_York',
      after: '2026-03-02T00:00Z',
      slots: ['2026-03-08T07:00Z', '2026-03-15T06:30Z'],
    },
    {
      name: 'a yearly slot',
      expression: '30 2 8 3 *',
      timezone: 'America/New_York',
      after: '2026-01-01T00:00Z',
      slots: ['2026-03-08T07:00Z', '2027-03-08T07:30Z'],
    },
    {
      name: 'Europe',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      after: '2026-03-28T12:00Z',
      slots: ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    },
    {
      name: 'London',
      expression: '30 1 * * *',
      timezone: 'Europe/London',
      after: '2026-03-28T12:00Z',
      slots: ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    },
    {
      name: 'the south',
      expression: '30 2 * * *',
      timezone: 'Australia/Sydney',
      after: '2026-10-03T00:00Z',
      slots: ['2026-10-03T16:00Z', '2026-10-04T15:30Z'],
    },
    {
      name: 'a gap of half an hour',
      expression: '15 2 * * *',
      timezone: 'Australia/Lord_Howe',
      after: '2026-10-03T00:00Z',
      slots: ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
    },
    {
      name: 'half past is after it',
      expression: '30 2 * * *',
      timezone: 'Australia/Lord_Howe',
      after: '2026-10-03T00:00Z',
      slots: ['2026-10-03T15:30Z', '2026-10-04T15:30Z'],
    },
    {
      name: 'a gap at midnight',
      expression: '30 0 * * *',
      timezone: 'Asia/Beirut',
      after: '2026-03-28T12:00Z',
      slots: ['2026-03-28T22:00Z', '2026-03-29T21:30Z'],
    },
    {
      name: 'midnight itself',
      expression: '0 0 * * *',
      timezone: 'Asia/Beirut',
      after: '2026-03-27T12:00Z',
      slots: ['2026-03-27T22:00Z', '2026-03-28T22:00Z', '2026-03-29T21:00Z'],
    },
    {
      name: 'a day that never was',
      expression: '0 9 * * *',
      timezone: 'Pacific/Apia',
      after: '2011-12-29T00:00Z',
      slots: ['2011-12-29T19:00Z', '2011-12-30T10:00Z', '2011-12-30T19:00Z'],
    },
    {
      name: 'with seconds',
      expression: '10 30 2 * * *',
      timezone: 'Europe/Berlin',
      after: '2026-03-28T12:00Z',
      slots: ['2026-03-29T01:00Z', '2026-03-30T00:30:10Z'],
    },
  ]);
});

describe('a fixed time that comes twice counts the first time only', () => {
  run([
    {
      name: 'America',
      expression: '30 1 * * *',
      timezone: 'America/New_York',
      after: '2026-10-31T12:00Z',
      slots: ['2026-11-01T05:30Z', '2026-11-02T06:30Z'],
    },
    {
      name: 'asked between the two',
      expression: '30 1 * * *',
      timezone: 'America/New_York',
      after: '2026-11-01T06:00Z',
      slots: ['2026-11-02T06:30Z'],
    },
    {
      name: 'asked at the second',
      expression: '30 1 * * *',
      timezone: 'America/New_York',
      after: '2026-11-01T06:29:59.999Z',
      slots: ['2026-11-02T06:30Z'],
    },
    {
      name: 'a time after it, asked between the two',
      expression: '30 1,2 * * *',
      timezone: 'America/New_York',
      after: '2026-11-01T05:45Z',
      slots: ['2026-11-01T07:30Z', '2026-11-02T06:30Z'],
    },
    {
      name: 'Europe',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      after: '2026-10-24T12:00Z',
      slots: ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    },
    {
      name: 'London',
      expression: '30 1 * * *',
      timezone: 'Europe/London',
      after: '2026-10-24T12:00Z',
      slots: ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    },
    {
      name: 'Sydney',
      expression: '30 2 * * *',
      timezone: 'Australia/Sydney',
      after: '2026-04-04T00:00Z',
      slots: ['2026-04-04T15:30Z', '2026-04-05T16:30Z'],
    },
    {
      name: 'half an hour',
      expression: '45 1 * * *',
      timezone: 'Australia/Lord_Howe',
      after: '2026-04-04T00:00Z',
      slots: ['2026-04-04T14:45Z', '2026-04-05T15:15Z'],
    },
    {
      name: 'the last hour of a day',
      expression: '30 23 * * *',
      timezone: 'Asia/Beirut',
      after: '2026-10-24T00:00Z',
      slots: ['2026-10-24T20:30Z', '2026-10-25T21:30Z'],
    },
    {
      name: 'every minute of one hour ends with it',
      expression: '58,59 1 * * *',
      timezone: 'America/New_York',
      after: '2026-11-01T05:50Z',
      slots: ['2026-11-01T05:58Z', '2026-11-01T05:59Z', '2026-11-02T06:58Z'],
    },
  ]);
});

describe('a schedule for every hour keeps its rhythm', () => {
  run([
    {
      name: 'through the gap',
      expression: '0 * * * *',
      timezone: 'America/New_York',
      after: '2026-03-08T05:30Z',
      slots: ['2026-03-08T06:00Z', '2026-03-08T07:00Z', '2026-03-08T08:00Z'],
    },
    {
      name: 'through the repeated hour',
      expression: '0 * * * *',
      timezone: 'America/New_York',
      after: '2026-11-01T04:30Z',
      slots: ['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z', '2026-11-01T08:00Z'],
    },
    {
      name: 'at other minutes',
      expression: '*/20 * * * *',
      timezone: 'Europe/Berlin',
      after: '2026-10-25T00:30Z',
      slots: [
        '2026-10-25T00:40Z',
        '2026-10-25T01:00Z',
        '2026-10-25T01:20Z',
        '2026-10-25T01:40Z',
        '2026-10-25T02:00Z',
      ],
    },
    {
      name: 'written as a range',
      expression: '30 0-23 * * *',
      timezone: 'Europe/London',
      after: '2026-10-25T00:00Z',
      slots: ['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-25T02:30Z'],
    },
    {
      name: 'with seconds',
      expression: '*/30 59 * * * *',
      timezone: 'Europe/Berlin',
      after: '2026-03-29T00:59Z',
      slots: ['2026-03-29T00:59:30Z', '2026-03-29T01:59Z', '2026-03-29T01:59:30Z'],
    },
    {
      name: 'through a repeated half hour',
      expression: '0,30 * * * *',
      timezone: 'Australia/Lord_Howe',
      after: '2026-04-04T14:15Z',
      slots: ['2026-04-04T14:30Z', '2026-04-04T15:00Z', '2026-04-04T15:30Z', '2026-04-04T16:00Z'],
    },
    {
      name: 'over midnight that comes twice',
      expression: '30 * * * *',
      timezone: 'Asia/Beirut',
      after: '2026-10-24T20:00Z',
      slots: ['2026-10-24T20:30Z', '2026-10-24T21:30Z', '2026-10-24T22:30Z'],
    },
    {
      name: 'on some days only',
      expression: '0 * * * 0',
      timezone: 'Asia/Beirut',
      after: '2026-03-28T20:30Z',
      slots: ['2026-03-28T22:00Z', '2026-03-28T23:00Z'],
    },
    {
      name: 'where a day never was',
      expression: '0 * * * *',
      timezone: 'Pacific/Apia',
      after: '2011-12-30T08:30Z',
      slots: ['2011-12-30T09:00Z', '2011-12-30T10:00Z', '2011-12-30T11:00Z'],
    },
    {
      name: 'in quarters of an hour from UTC',
      expression: '0 * * * *',
      timezone: 'Asia/Kathmandu',
      after: '2026-06-01T00:00Z',
      slots: ['2026-06-01T00:15Z', '2026-06-01T01:15Z'],
    },
  ]);
});

describe('the calendar', () => {
  run([
    {
      name: 'a slot is after the instant, never at it',
      expression: '0 9 * * *',
      timezone: 'UTC',
      after: '2026-01-01T09:00Z',
      slots: ['2026-01-02T09:00Z'],
    },
    {
      name: 'a millisecond before',
      expression: '0 9 * * *',
      timezone: 'UTC',
      after: '2026-01-01T08:59:59.999Z',
      slots: ['2026-01-01T09:00Z'],
    },
    {
      name: 'a zone with quarters',
      expression: '0 9 * * *',
      timezone: 'Asia/Kathmandu',
      after: '2026-06-01T00:00Z',
      slots: ['2026-06-01T03:15Z', '2026-06-02T03:15Z'],
    },
    {
      name: 'six fields',
      expression: '15 0 9 * * *',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2026-01-01T09:00:15Z', '2026-01-02T09:00:15Z'],
    },
    {
      name: 'hours in any order',
      expression: '30,0 21,9 * * *',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2026-01-01T09:00Z', '2026-01-01T09:30Z', '2026-01-01T21:00Z'],
    },
    {
      name: 'every second',
      expression: '* * * * * *',
      timezone: 'Europe/Berlin',
      after: '2026-01-01T00:00:00.500Z',
      slots: ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z'],
    },
    {
      name: 'the last day of a month',
      expression: '0 9 L * *',
      timezone: 'UTC',
      after: '2026-01-31T10:00Z',
      slots: ['2026-02-28T09:00Z', '2026-03-31T09:00Z', '2026-04-30T09:00Z'],
    },
    {
      name: 'the third Friday',
      expression: '0 9 * * 5#3',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2026-01-16T09:00Z', '2026-02-20T09:00Z'],
    },
    {
      name: 'the weekday nearest the 15th',
      expression: '0 9 15W * *',
      timezone: 'UTC',
      after: '2026-02-01T00:00Z',
      slots: ['2026-02-16T09:00Z', '2026-03-16T09:00Z', '2026-04-15T09:00Z'],
    },
    {
      name: '29 February',
      expression: '0 9 29 2 *',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2028-02-29T09:00Z', '2032-02-29T09:00Z'],
    },
    {
      name: 'a Sunday that is 29 February',
      expression: '0 9 29 2 0',
      timezone: 'UTC',
      after: '2004-03-01T00:00Z',
      slots: ['2032-02-29T09:00Z', '2060-02-29T09:00Z'],
    },
    {
      name: 'over the year 2100, which has none',
      expression: '0 9 29 2 *',
      timezone: 'UTC',
      after: '2096-03-01T00:00Z',
      slots: ['2104-02-29T09:00Z'],
    },
    {
      name: 'Friday the 13th, and no other Friday or 13th',
      expression: '0 9 13 * 5',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2026-02-13T09:00Z', '2026-03-13T09:00Z', '2026-11-13T09:00Z'],
    },
    {
      name: 'names, and Sunday as 7',
      expression: '0 9 * feb sun',
      timezone: 'UTC',
      after: '2026-01-01T00:00Z',
      slots: ['2026-02-01T09:00Z', '2026-02-08T09:00Z'],
    },
    {
      name: 'the local date, not the UTC date',
      expression: '0 9 1 * *',
      timezone: 'Pacific/Auckland',
      after: '2026-05-31T00:00Z',
      slots: ['2026-05-31T21:00Z', '2026-06-30T21:00Z'],
    },
  ]);

  it('gives the 1,000th slot as fast as the first', () => {
    const slots = slotsOf('*/7 3,9,21 * * 1-5', 'America/New_York', '2026-01-01T00:00Z', 1000);
    assert.equal(new Set(slots).size, 1000);
  });
});

const number = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min, max }).map(String) },
    { weight: 2, arbitrary: fc.constant('*') },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: max - min }).map((step) => `*/${step}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${a},${b}`),
    },
  );
const expressions = fc
  .tuple(
    number(0, 59),
    number(0, 23),
    number(1, 28),
    number(1, 12),
    fc.constantFrom('*', '*', '1-5', '0', '6#2'),
  )
  .map((fields) => fields.join(' '));
const instants = fc.integer({ min: Date.parse('2020-01-01T00:00Z'), max: Date.parse('2030-01-01T00:00Z') });
const zones = fc.constantFrom(
  ...['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Asia/Beirut'],
);

describe('any schedule', () => {
  it('comes strictly later, and no earlier for a later instant', () => {
    fc.assert(
      fc.property(
        expressions,
        zones,
        instants,
        fc.integer({ min: 0, max: 400 * 86_400_000 }),
        (expression, timezone, instant, later) => {
          const schedule = { expression, timezone };
          const slot = nextAfter(schedule, instant);
          if (slot === undefined) return;
          assert.ok(slot > instant);
          assert.ok((nextAfter(schedule, instant + later) ?? Infinity) >= slot);
          assert.equal(nextAfter(schedule, slot - 1), slot);
          assert.equal(
            nextAfter(schedule, Math.floor((instant + slot) / 2) - (slot - instant < 2 ? 1 : 0)),
            slot,
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is in UTC just what node-cron calls a match', () => {
    fc.assert(
      fc.property(expressions, instants, (expression, instant) => {
        const task = createTask(expression, () => undefined, { timezone: 'UTC' });
        const slot = nextAfter({ expression, timezone: 'UTC' }, instant) ?? Infinity;
        if (slot !== Infinity) assert.ok(task.match(new Date(slot)));
        const end = Math.min(slot, instant + 3 * 86_400_000);
        for (let minute = Math.floor(instant / 60_000 + 1) * 60_000; minute < end; minute += 60_000)
          assert.ok(!task.match(new Date(minute)), new Date(minute).toISOString());
      }),
      { numRuns: 40 },
    );
  });
});

describe('what is wrong with an expression', () => {
  const secret = 'sX2mQ0tVbN4yLr8KcJd7';
  const cases: [expression: string, fault: RegExp | undefined][] = [
    ['0 9 * * *', undefined],
    ['*/10 0 9 * * mon', undefined],
    ['61 9 * * *', /"61" is not a good minute/],
    ['0 24 * * *', /"24" is not a good hour/],
    ['0 9 32 * *', /"32" is not a good day of month/],
    ['0 9 * 13 *', /"13" is not a good month/],
    ['0 9 * * funday', /"funday" is not a good day of week/],
    ['99 0 9 * * *', /"99" is not a good second/],
    ['0 9 31 2 *', /never comes/],
    ['0 9 * *', /is not a cron expression/],
    ['', /is not a cron expression/],
    ['at nine', /is not a/],
    [`0 9 * * ${secret}`, /^"…" is not a good day of week in "…"$/],
    [`0 25 * * ${secret}`, /^"25" is not a good hour in "…"$/],
    [secret, /^"…" is not a cron expression: expected 5 or 6 fields but got 1$/],
  ];
  for (const [expression, fault] of cases) {
    it(`${JSON.stringify(expression)}: ${fault === undefined ? 'nothing' : String(fault)}`, () => {
      const found = scheduleFault(expression);
      if (fault === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', fault);
    });
  }
});
