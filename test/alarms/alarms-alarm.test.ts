import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alarmOf } from '../../src/alarms/alarms.ts';

import { bodyOf, sampleAlarm } from '../../src/alarms/call.ts';
import { alarmNames } from '../../src/config/hooks.ts';
import type { EventFields } from '../../src/log.ts';

const now = Date.parse('2026-03-01T09:00:00Z');

const alarmIn = (fields: EventFields, message: string): ReturnType<typeof alarmOf> =>
  alarmOf({ level: 'error', fields, message }, now, 'Europe/Berlin');

describe('an event of the daemon', () => {
  it('is an alarm where a person should hear of it', () => {
    const fields = {
      event: 'parked',
      bot: 'howl',
      line: 3,
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth howl',
    };
    assert.deepEqual(alarmIn(fields, 'is parked at line 3: X refuses its key (401); keymaker reauth howl'), {
      event: 'parked',
      bot: 'howl',
      at: '2026-03-01T09:00:00.000Z',
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth howl',
      line: 3,
      text: 'howl is parked at line 3: X refuses its key (401); keymaker reauth howl',
    });
  });

  it('says why with its message where it has no field for it', () => {
    const alarm = alarmIn({ event: 'finished', bot: 'howl' }, 'has come to the end of its poem');
    assert.equal(alarm?.why, 'has come to the end of its poem');
    assert.deepEqual([alarm.hint, alarm.line], [null, null]);
    assert.equal(alarm.text, 'howl has come to the end of its poem');
  });

  it('has the times of its text by the clock of the flock', () => {
    const alarm = alarmIn(
      { event: 'silent', bot: 'howl', why: 'a reason' },
      'is silent since 2026-03-01T08:00:00.000Z',
    );
    assert.equal(alarm?.text, 'howl is silent since 2026-03-01 09:00 CET');
  });

  it('is none for what happens every day', () => {
    for (const event of ['posted', 'refused', 'in-doubt', 'hook-failed', 'ping-failed', 'paused'])
      assert.equal(alarmIn({ event, bot: 'howl' }, ''), undefined);
  });

  it('fits into the pipe of a command however long its words are', () => {
    const long = 'x'.repeat(1_000_000);
    const alarm = alarmIn({ event: 'parked', bot: 'howl', why: long, hint: long }, long);
    assert.ok(alarm);
    assert.ok(Buffer.byteLength(bodyOf(alarm, '/srv/flock')) < 16_384);
  });
});

describe('what a hook is told', () => {
  it('is one line of JSON that always has the same names', () => {
    const names = ['event', 'bot', 'at', 'why', 'hint', 'line', 'text', 'flock'];
    const alarms = alarmNames.map((event) => alarmIn({ event }, 'a\nb'));
    for (const alarm of [...alarms, sampleAlarm(now)]) {
      assert.ok(alarm);
      const body = bodyOf(alarm, '/srv/flock');
      assert.ok(!body.includes('\n'));
      assert.deepEqual(Object.keys(JSON.parse(body) as object), names);
    }
  });
});
