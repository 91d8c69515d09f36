import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextAfter, timezoneFault } from '../../src/schedule/schedule.ts';

describe('a time zone', () => {
  for (const name of ['UTC', 'utc', 'GMT', 'EST', 'CET', 'Europe/Berlin', 'Asia/Kathmandu', 'Etc/GMT+5']) {
    it(`${name} is one`, () => {
      assert.equal(timezoneFault(name), undefined);
    });
  }

  it('of Node’s own list is one, and has slots', () => {
    for (const timezone of Intl.supportedValuesOf('timeZone')) {
      assert.equal(timezoneFault(timezone), undefined, timezone);
      assert.ok(nextAfter({ expression: '0 9 * * *', timezone }, Date.UTC(2026, 0, 1)), timezone);
    }
  });

  // Intl takes the three-letter names of ICU, in which Temporal finds no slots; Temporal takes +02:00, which Intl may not.
  for (const [name, meant] of [
    ['BST', /^did you mean "Europe\/London"\?$/],
    ['PST', /^did you mean "America\/Los_Angeles"\?$/],
    ['JST', /"Asia\/Tokyo"/],
    ['IST', /"Asia\/Kolkata", "Europe\/Dublin" or "Asia\/Jerusalem"\?$/],
    ['cest', /"Europe\/Berlin"/],
    ['Berlin', /"Europe\/Berlin"/],
    ['new york', /"America\/New_York"/],
    ['Europe/Berln', /"Europe\/Berlin"/],
    ['Europe/Berlin ', /"Europe\/Berlin"/],
    ['Mars/Olympus', /name a city/],
    ['+02:00', /name a city/],
    ['', /name a city/],
  ] as const) {
    it(`${JSON.stringify(name)} is none, and the hint says what was meant`, () => {
      const fault = timezoneFault(name);
      assert.match(fault?.message ?? '', /is not an IANA time zone/);
      assert.match(fault?.hint ?? '', meant);
    });
  }
});
