import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lifeline, secretPath, WebEnd } from '../alarms/hook-ends.ts';
import { everySecond, poem, TestFlock } from '../support/flock.ts';

const poems = { 'lost.txt': poem('lost', 3), 'heron.txt': poem('heron', 3) };

/** A flock of two, with these hooks; `lost` is suspended, and will be parked. */
async function open(alarms: object): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems, settings: { ...everySecond, ...alarms } });
  for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
  flock.control('accounts/lost/suspend');
  return flock;
}

describe('hooks and the ping of a flock that runs', { concurrency: true }, () => {
  it('tell a command and a webhook, and the switch that the flock lives', async () => {
    await using lifeline = await Lifeline.open();
    await using web = await WebEnd.open(200);
    await using healthchecks = await WebEnd.open(200);
    await using flock = await open({
      ping: healthchecks.url,
      hooks: [
        { on: ['parked'], run: lifeline.holder('cat >&3; compgen -e >&3') },
        { on: ['parked', 'finished'], post: web.url },
      ],
    });
    const flockd = flock.start('flockd', ['run']);
    const [holder] = await lifeline.opened.until(1);
    const [body = '', ...environment] = (await holder?.closed)?.split('\n') ?? [];
    const told = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual(
      [told['event'], told['bot'], told['line'], told['flock']],
      ['parked', 'lost', 1, flock.root],
    );
    assert.match(String(told['hint']), /flockd resume lost/);
    assert.ok(!environment.some((name) => /CONSUMER|KEYMAKER|STATE/.test(name)), environment.join(' '));
    await web.seen.until(2);
    assert.deepEqual(web.told.map(({ event, bot }) => [event, bot]).sort(), [
      ['finished', 'heron'],
      ['parked', 'lost'],
    ]);
    const [ping] = await healthchecks.seen.until(1);
    assert.deepEqual([ping?.method, ping?.path], ['GET', `/${secretPath}`]);
    flockd.kill();
    assert.deepEqual(await flockd.exit, { code: 0, signal: null });
    await flock.assertNoSecrets();
    assert.ok(!flockd.stdout.includes(secretPath) && !flockd.stderr.includes(secretPath));
    assert.ok(!flockd.log.some(({ event }) => event === 'hook-failed' || event === 'ping-failed'));
  });

  it('hold up no post and no stop where a command hangs, and leave nothing of it behind', async () => {
    await using lifeline = await Lifeline.open();
    const stubborn = "trap '' TERM INT HUP; sleep 900 & echo up >&3; sleep 900";
    await using flock = await open({
      hooks: [{ on: ['parked', 'finished'], run: lifeline.holder(stubborn), timeout: '10m' }],
    });
    const flockd = flock.start('flockd', ['run']);
    await lifeline.opened.until(1);
    await flock.posted('heron', 3);
    flockd.kill();
    assert.deepEqual(await flockd.exit, { code: 0, signal: null });
    for (const { closed } of lifeline.opened.all) assert.equal(await closed, 'up\n');
    const failed = await flockd.logged('hook-failed');
    assert.match(failed.msg, /^hooks\.0 \(bash\): flockd stopped before it/);
  });

  it('hold up no post where a webhook and the ping hang, and their address is never said', async () => {
    await using web = await WebEnd.open('hang');
    await using flock = await open({ ping: web.url, hooks: [{ on: ['parked'], post: web.url }] });
    const flockd = flock.start('flockd', ['run']);
    await web.seen.until(2);
    await flock.posted('heron', 3);
    flockd.kill();
    assert.deepEqual(await flockd.exit, { code: 0, signal: null });
    assert.ok(!flockd.stdout.includes(secretPath) && !flockd.stderr.includes(secretPath));
    assert.ok(!flockd.stdout.includes(String(web.port)));
  });

  it('change with a reload; a flock.json that is wrong changes nothing', async () => {
    await using before = await WebEnd.open(200);
    await using after = await WebEnd.open(200);
    const settings = (post: string, on = ['parked']) => ({ ...everySecond, hooks: [{ on, post }] });
    await using flock = await TestFlock.open({ poems, settings: settings(before.url) });
    for (const bot of ['lost', 'heron']) await flock.giveKey(bot);
    await flock.write(
      'flock.json',
      JSON.stringify({ ...settings(before.url), bots: { lost: { paused: true } } }),
    );
    flock.control('accounts/lost/suspend');
    const flockd = flock.start('flockd', ['run']);
    await flock.posted('heron', 1);

    await flock.write('flock.json', JSON.stringify(settings(after.url, ['parkd'])));
    const wrong = await flock.run('flockd', ['reload']);
    assert.equal(wrong.code, 78);
    assert.match(wrong.stderr, /hooks\.0\.on\.0: "parkd" is no alarm; did you mean "parked"\?/);

    await flock.write('flock.json', JSON.stringify(settings(after.url)));
    const right = await flock.run('flockd', ['reload']);
    assert.equal(right.code, 0, right.stderr);
    await after.seen.until(1);
    assert.deepEqual([before.seen.all.length, after.told[0]?.bot], [0, 'lost']);
    flockd.kill();
    await flockd.exit;
    assert.ok(
      ![flockd, wrong, right].some(({ stdout, stderr }) => `${stdout}${stderr}`.includes(secretPath)),
    );
  });
});
