import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Address, alarmNames, alarmOf, bodyOf, sampleAlarm } from '../../src/config/hooks.ts';
import { tapped } from '../../src/log.ts';
import { HeardLog } from '../alarms/heard-log.ts';

const now = Date.parse('2026-03-01T09:00:00Z');

describe('a line of the log', () => {
  it('is an alarm where a person should hear of it', () => {
    const fields = {
      event: 'parked',
      bot: 'howl',
      line: 3,
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth howl',
    };
    assert.deepEqual(
      alarmOf(fields, 'is parked at line 3: X refuses its key (401); keymaker reauth howl', now),
      {
        event: 'parked',
        bot: 'howl',
        at: '2026-03-01T09:00:00.000Z',
        why: 'X refuses its key (401)',
        hint: 'keymaker reauth howl',
        line: 3,
        text: 'howl is parked at line 3: X refuses its key (401); keymaker reauth howl',
      },
    );
  });

  it('says why with its message where it has no field for it', () => {
    const alarm = alarmOf({ event: 'finished', bot: 'howl' }, 'has come to the end of its poem', now);
    assert.equal(alarm?.why, 'has come to the end of its poem');
    assert.deepEqual([alarm.hint, alarm.line], [null, null]);
    assert.equal(alarm.text, 'howl has come to the end of its poem');
  });

  it('is none for what happens every day, or is no line at all', () => {
    for (const event of ['posted', 'refused', 'in-doubt', 'hook-failed', 'ping-failed', 'paused'])
      assert.equal(alarmOf({ event, bot: 'howl' }, '', now), undefined);
    for (const fields of [undefined, null, 'parked', {}, []])
      assert.equal(alarmOf(fields, '', now), undefined);
  });

  it('fits into the pipe of a command however long its words are', () => {
    const long = 'x'.repeat(1_000_000);
    const alarm = alarmOf({ event: 'parked', bot: 'howl', why: long, hint: long }, long, now);
    assert.ok(alarm);
    assert.ok(Buffer.byteLength(bodyOf(alarm, '/srv/flock')) < 16_384);
  });
});

describe('what a hook is told', () => {
  it('is one line of JSON that always has the same names', () => {
    const names = ['event', 'bot', 'at', 'why', 'hint', 'line', 'text', 'flock'];
    const alarms = alarmNames.map((event) => alarmOf({ event }, 'a\nb', now));
    for (const alarm of [...alarms, sampleAlarm(now)]) {
      assert.ok(alarm);
      const body = bodyOf(alarm, '/srv/flock');
      assert.ok(!body.includes('\n'));
      assert.deepEqual(Object.keys(JSON.parse(body) as object), names);
    }
  });
});

describe('a log that is listened to', () => {
  it('says what it said before, and is heard after it was written', () => {
    const heard = new HeardLog();
    const lines: unknown[] = [];
    const log = tapped(heard.log, (fields, message) =>
      lines.push([fields, message, heard.lines.length, heard.lines.at(-1)?.msg]),
    );
    for (const [index, level] of (['info', 'warn', 'error'] as const).entries()) {
      log[level]({ event: 'parked', bot: 'howl' }, level);
      assert.deepEqual(lines[index], [{ event: 'parked', bot: 'howl' }, level, index + 1, level]);
    }
    assert.deepEqual(
      heard.lines.map(({ event, bot, msg }) => [event, bot, msg]),
      ['info', 'warn', 'error'].map((level) => ['parked', 'howl', level]),
    );
  });
});

describe('an address', () => {
  it('cannot be printed by accident', () => {
    const address = new Address('https://hc.example/uuid');
    for (const text of [String(address), JSON.stringify({ address }), inspect({ address }, { depth: 9 })])
      assert.doesNotMatch(text, /example|uuid/);
    assert.equal(address.reveal(), 'https://hc.example/uuid');
  });
});
