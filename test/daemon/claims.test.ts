import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { Claims } from '../../src/daemon/claims.ts';
import type { Flock } from '../../src/flock/load.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const { settingsOf } = parseFlockFile('{}', 'flock.json');
/** No other test has its accounts. */
const api = `http://127.0.0.1:${process.pid % 65_536}`;

const flockOf = (...names: string[]): Flock => ({
  bots: names.map((name) => ({
    name: name as BotName,
    bundle: {
      appKeys: new TokenPair('app', 'secret'),
      accessToken: new TokenPair(`token of ${name}`, 'secret'),
      userId: `id of ${name}`,
      screenName: name,
    },
    poemFile: name,
    rules: rulesOfX,
    settings: settingsOf(name as BotName),
  })),
  invalidBots: [],
  keyless: [],
  passedOver: [],
  flockBudget: unlimitedBudget,
});

const skip = process.platform !== 'linux' && 'there are no abstract sockets';

describe('claims', { skip }, () => {
  it('leave out the bots whose accounts another flockd has, by name, until it ends', async () => {
    let freed = (): void => undefined;
    const isFreed = new Promise<void>((resolve) => (freed = resolve));
    const places = [tempFolder(), tempFolder()] as const;
    const first = await Claims.open({ paths: { root: places[0], state: places[0] }, api });
    await first.take(flockOf('ada', 'bea'));
    await using second = await Claims.open({ paths: { root: places[1], state: places[1] }, api, freed });
    const { flock, takenOver } = await second.take(flockOf('bea', 'cid'));
    assert.deepEqual(
      flock.bots.map(({ name }) => name),
      ['cid'],
    );
    assert.deepEqual(takenOver, []);
    const [invalidBot] = flock.invalidBots;
    assert.equal(invalidBot?.bot, 'bea');
    assert.equal(invalidBot.error.exit, 'tryLater');
    assert.match(
      invalidBot.error.message,
      RegExp(`^bea: another flockd .*pid ${process.pid}\\).*${places[0]}$`),
    );

    // A bot that comes later is looked at as well, by whichever comes second.
    const grown = await first.take(flockOf('ada', 'bea', 'cid'));
    assert.deepEqual(
      grown.flock.invalidBots.map(({ bot }) => bot),
      ['cid'],
    );

    // Nobody is kept from ending by what it waits for.
    const awake = setInterval(() => undefined, 1000);
    await first[Symbol.asyncDispose]();
    await isFreed;
    clearInterval(awake);
    const again = await second.take(flockOf('bea', 'cid'));
    assert.deepEqual(again.flock.invalidBots, []);
    assert.deepEqual(again.takenOver, ['bea']);
    assert.deepEqual((await second.take(flockOf('bea', 'cid'))).takenOver, [], 'once');
  });
});
