import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alarms } from '../../src/alarms/alarms.ts';
import { HeldClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { HeardLog } from './heard-log.ts';

const alarmsIn = (settings: object) => parseFlockFile(JSON.stringify(settings), 'flock.json').alarms;

describe('trials of the hooks that are set', () => {
  const clock = new HeldClock('2026-08-22T10:00:00Z');
  const asked: string[] = [];
  const open = (): Alarms =>
    new Alarms({
      clock,
      send: ({ url }: HttpRequest) => {
        asked.push(url);
        return Promise.resolve({ status: url.includes('bad') ? 404 : 200, headers: {}, body: '' });
      },
      log: new HeardLog().log,
      root: tempFolder(),
      stateOf: () => undefined,
      isStopped: () => false,
    });

  it('are those of flock.json now, without an address', async () => {
    await using alarms = open();
    assert.deepEqual(alarms.trials(), []);
    const hooks = [
      { on: ['parked'], to: 'ntfy', url: 'https://ntfy.example/secret-topic' },
      { on: ['silent'], post: 'https://bad.example/secret' },
    ];
    alarms.update({
      alarms: alarmsIn({ hooks, ping: 'https://ping.example/secret' }),
      bots: [],
      flockBudget: unlimitedBudget,
    });
    const trials = alarms.trials();
    assert.deepEqual(
      trials.map(({ name, kind }) => [name, kind]),
      [
        ['hooks.0', 'ntfy'],
        ['hooks.1', 'a webhook'],
        ['ping', 'ping'],
      ],
    );
    const troubles = [];
    for (const { call } of trials) troubles.push((await call())?.why);
    assert.deepEqual(troubles, [undefined, 'it answered 404', undefined]);
    assert.equal(asked.length, 3);
  });

  it('end after ten seconds, however long a hook may take', async () => {
    await using alarms = open();
    const hooks = [
      { on: ['parked'], run: [process.execPath, '-e', 'setInterval(() => {}, 1000)'], timeout: '5m' },
    ];
    alarms.update({ alarms: alarmsIn({ hooks }), bots: [], flockBudget: unlimitedBudget });
    const [trial] = alarms.trials();
    const trouble = trial?.call();
    await clock.runUntil(clock.now() + 10_000);
    assert.match((await trouble)?.why ?? '', /10 s/);
  });
});
