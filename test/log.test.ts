import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DaemonEvent, EventLog } from '../src/log.ts';
import { HeardLog } from './alarms/heard-log.ts';

const parked = { event: 'parked', bot: 'howl' };

describe('the events of the daemon', () => {
  it('reach the log, and then each subscriber', () => {
    const heard = new HeardLog();
    const told: [event: DaemonEvent, written: number][] = [];
    heard.log.subscribe((event) => told.push([event, heard.lines.length]));
    for (const level of ['info', 'warn', 'error'] as const) heard.log[level](parked, level);
    assert.deepEqual(
      told,
      (['info', 'warn', 'error'] as const).map((level, index) => [
        { level, fields: parked, message: level },
        index + 1,
      ]),
    );
    assert.deepEqual(
      heard.lines.map(({ event, bot, msg }) => [event, bot, msg]),
      ['info', 'warn', 'error'].map((level) => ['parked', 'howl', level]),
    );
  });

  it('are kept by nobody where nobody subscribes', () => {
    assert.doesNotThrow(() => {
      new EventLog().error(parked, 'is parked');
    });
  });
});

describe('what is said once', () => {
  it('is said again when it is something else, or when it was forgotten', () => {
    const heard = new HeardLog();
    const say = (key: string, news: string): void => {
      heard.log.once(key, news).warn({ event: key }, news);
    };
    for (const news of ['full', 'full', 'slow', 'full']) say('disk', news);
    say('net', 'full');
    heard.log.forget('disk');
    say('disk', 'full');
    say('net', 'full');
    assert.deepEqual(
      heard.lines.map(({ event, msg }) => `${event} ${msg}`),
      ['disk full', 'disk slow', 'disk full', 'net full', 'disk full'],
    );
  });

  it('needs no words of its own', () => {
    const log = new EventLog();
    assert.deepEqual([log.isNews('a'), log.isNews('a'), log.isNews('b')], [true, false, true]);
  });
});
