import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SilenceWatch } from '../../src/alarms/alarms.ts';
import { HeldClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { HeardLog } from './heard-log.ts';

const settings = parseFlockFile('{}', 'flock.json').settingsOf('howl' as BotName);
const flockOf = (size: number, name: string) =>
  Array.from({ length: size }, (_, index) => ({ name: `${name}-${index}`, settings }));

/** A watch over nobody, on a machine where everything takes ten milliseconds, and whom it has asked for. */
function open() {
  const clock = new HeldClock('2026-01-01T00:00:00Z');
  const asked: string[] = [];
  let passed = 0;
  mock.method(performance, 'now', () => (passed += 10));
  const stateOf = (bot: string): undefined => void asked.push(bot);
  const watch = new SilenceWatch({ clock, log: new HeardLog().log, stateOf, isStopped: () => false });
  return { watch, asked, look: () => clock.set(clock.now() + 300_000) };
}

describe('the watch for silence over a large flock', () => {
  afterEach(() => mock.restoreAll());

  it('looks at everybody, and lets others have their turn meanwhile', async () => {
    const { watch, asked, look } = open();
    using _ = watch;
    watch.update(flockOf(1_000, 'howl'));
    look();
    const atOnce = asked.length;
    assert.ok(atOnce > 0 && atOnce < 300, `${atOnce} bots at once`);
    while (asked.length < 1_000) await setImmediate();
    assert.equal(new Set(asked).size, 1_000);
  });

  it('looks no more at a flock that another was taken up for meanwhile', async () => {
    const { watch, asked, look } = open();
    using _ = watch;
    watch.update(flockOf(1_000, 'howl'));
    look();
    const atOnce = asked.length;
    watch.update(flockOf(1_000, 'salt'));
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    assert.equal(asked.length, atOnce);
    look();
    while (asked.length < atOnce + 1_000) await setImmediate();
    assert.equal(new Set(asked).size, atOnce + 1_000);
  });
});
