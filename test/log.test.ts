import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Writable } from 'node:stream';
import { type DaemonEvent, EventLog, openLog } from '../src/log.ts';
import { localTime } from '../src/text.ts';
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

describe('the log on a terminal', () => {
  /** The lines of some events. */
  async function lines(
    more: Partial<Parameters<typeof openLog>[1]>,
    ...events: readonly (readonly [fields: { event: string; bot?: string }, message: string])[]
  ): Promise<string[]> {
    let written = '';
    let isWritten = (): void => undefined;
    const end = new Promise<void>((resolve) => (isWritten = resolve));
    const write = (chunk: unknown, _: string, done: () => void): void => {
      written += String(chunk);
      if (written.includes('the end')) isWritten();
      done();
    };
    const stream = Object.assign(new Writable({ write }), { isTTY: true });
    const log = openLog(stream, { color: false, timezone: () => 'Asia/Kolkata', ...more });
    for (const [fields, message] of [...events, [{ event: 'end' }, 'the end'] as const])
      log.info(fields, message);
    await end;
    return written.split('\n').slice(0, -2);
  }

  it('has every time by the clock of one zone', async () => {
    const [line = ''] = await lines({}, [
      { event: 'refused', bot: 'howl' },
      'tries again at 2026-03-01T09:00:00.123Z',
    ]);
    assert.match(line, /^\[\d\d:\d\d:\d\d\] INFO: howl: tries again at 2026-03-01 14:30 GMT\+5:30$/);
    const minutes = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
    const now = localTime(Date.now(), 'Asia/Kolkata').time;
    // A minute or midnight may have passed since.
    assert.ok(
      [0, 1].includes((minutes(now) - minutes(line.slice(1, 6)) + 24 * 60) % (24 * 60)),
      `${now} ${line}`,
    );
  });

  it('shows the text of a post in one line, without what would move the cursor, and no text twice', async () => {
    const texts = new Map([['howl', ` the sea\n  and \u001b[2J${'the shore '.repeat(20)}`]]);
    const takeText = (bot: string): string | undefined => {
      const text = texts.get(bot);
      texts.delete(bot);
      return text;
    };
    const posted = [{ event: 'posted', bot: 'howl' }, 'posted line 1 of 2'] as const;
    const [first = '', second = ''] = await lines({ takeText }, [...posted], [...posted]);
    assert.match(first, /INFO: howl: posted line 1 of 2: the sea \/ and \ufffd\[2Jthe shore .*…$/);
    assert.equal(first.length, 120);
    texts.set('howl', 'a line of a poem that is longer than the screen of a small telephone');
    const [small = ''] = await lines({ takeText, columns: () => 60 }, posted);
    assert.match(small, /^.{59}…$/);
    assert.match(second, /INFO: howl: posted line 1 of 2$/);
  });

  it('leaves out what is shown elsewhere', async () => {
    const said = await lines(
      { hidden: new Set(['begun']) },
      [{ event: 'begun' }, 'begins'],
      [{ event: 'started' }, 'runs'],
    );
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /runs$/);
  });
});
