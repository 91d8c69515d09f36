import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownPort } from '../support/own-port.ts';
import { secretPath } from './hook-ends.ts';
import { commandHook, HookWorld, webHook } from './hook-world.ts';

describe('a webhook', { concurrency: true }, () => {
  it('gets the alarm as JSON, once', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(204);
    world.hooks.update([webHook(web.url)]);
    world.raise('parked');
    world.raise('finished');
    const [seen] = await web.seen.until(2);
    assert.deepEqual([seen?.method, seen?.path, seen?.type], ['POST', `/${secretPath}`, 'application/json']);
    assert.deepEqual(
      web.told.map(({ event, bot, line, flock }) => [event, bot, line, flock]),
      [
        ['parked', 'howl', 3, world.root],
        ['finished', 'howl', 3, world.root],
      ],
    );
    assert.deepEqual(world.failures, []);
  });

  it('that is ill for a while is tried again, later each time, and nothing is lost or logged', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(500, 503, 429, 200);
    world.hooks.update([webHook(web.url)]);
    world.raise('parked');
    world.raise('finished');
    for (const [index, wait] of [10, 60, 300].entries()) {
      await web.seen.until(index + 1);
      await world.rests(index + 1);
      await world.pass(wait - 1);
      assert.equal(web.seen.all.length, index + 1);
      await world.pass(1);
    }
    await web.seen.until(5);
    assert.deepEqual(
      web.told.map(({ event }) => event),
      ['parked', 'parked', 'parked', 'parked', 'finished'],
    );
    assert.deepEqual(world.failures, []);
  });

  it('that stays ill is given up, which is logged once', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(500);
    world.hooks.update([webHook(web.url)]);
    world.raise('parked');
    world.raise('finished');
    for (const [index, wait] of [10, 60, 300, 10, 60, 300].entries()) {
      await world.rests(index + 1);
      await world.pass(wait);
    }
    await web.seen.until(8);
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: it answered 500']);
  });

  it('that hangs is given up at its timeout, and keeps nobody waiting', async () => {
    await using world = await HookWorld.open();
    const hanging = await world.web('hang', 200);
    const other = await world.web(200);
    world.hooks.update([webHook(hanging.url), webHook(other.url)]);
    world.raise('parked', 'howl');
    world.raise('parked', 'rain');
    await hanging.seen.until(1);
    await other.seen.until(2);
    await world.pass(7);
    await world.rests(1);
    await world.pass(10);
    await hanging.seen.until(3);
    assert.deepEqual(
      hanging.told.map(({ bot }) => bot),
      ['howl', 'howl', 'rain'],
    );
    assert.deepEqual(world.failures, []);
  });

  it('that sends elsewhere is not followed', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(302);
    world.hooks.update([webHook(web.url)]);
    world.raise();
    await world.heard.until('hook-failed');
    assert.deepEqual(
      web.seen.all.map(({ path }) => path),
      [`/${secretPath}`],
    );
    assert.deepEqual(world.failures, ['hooks.0: it answered 302: a redirect, which is not followed']);
  });

  it('that says no is not asked again', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(404);
    world.hooks.update([webHook(web.url)]);
    world.raise();
    await world.heard.until('hook-failed');
    await world.pass(1000);
    assert.equal(web.seen.all.length, 1);
    assert.deepEqual(world.failures, ['hooks.0: it answered 404']);
    assert.match(world.said, /"hooks\.0 \(a webhook\): it answered 404"/);
  });

  it('is never named in the log', async () => {
    const port = String(await ownPort());
    const url = `http://127.0.0.1:${port}/${secretPath}`;
    const nowhere = `https://${secretPath}.invalid/`;
    await using world = await HookWorld.open(webHook(url), webHook(nowhere));
    world.raise();
    for (const [index, wait] of [10, 60, 300].entries()) {
      await world.rests(2 * (index + 1));
      await world.pass(wait);
    }
    await world.heard.until('hook-failed', 2);
    assert.match(world.said, /it cannot be reached, or broke off \(ECONNREFUSED\)/);
    assert.match(world.said, /it cannot be reached, or broke off \((ENOTFOUND|EAI_AGAIN)\)/);
    for (const part of [secretPath, `:${port}`, '127.0.0.1', 'invalid'])
      assert.ok(!world.said.includes(part), `${part} is in the log`);
  });
});

describe('alarms and hooks', { concurrency: true }, () => {
  it('are a thousand at once: the oldest are let go, and that is said', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(200);
    world.hooks.update([webHook(web.url)]);
    for (let count = 0; count < 1000; count++) world.raise('parked', `bot-${count}`);
    await world.heard.until('hook-failed', 2);
    const expected = [0, ...Array.from({ length: 100 }, (_, index) => 900 + index)];
    assert.deepEqual(
      web.told.map(({ bot }) => bot),
      expected.map((count) => `bot-${count}`),
    );
    assert.deepEqual(world.failures, [
      'hooks.0: more than 100 alarms wait for it; the oldest are dropped',
      'hooks.0: it was too slow, and 899 alarms were dropped',
    ]);
  });

  it('are told four at a time, each hook one after the other', async () => {
    await using world = await HookWorld.open();
    const script = 'echo up >&3; read -r _ <&3';
    world.hooks.update(
      Array.from({ length: 7 }, (_, index) => commandHook(...world.lifeline.holder(script, String(index)))),
    );
    world.raise();
    world.raise();
    for (let told = 0; told < 14; told++) {
      const opened = await world.lifeline.opened.until(Math.min(told + 4, 14));
      opened[told]?.say('go on\n');
      await opened[told]?.closed;
    }
    assert.equal(world.lifeline.most, 4);
    assert.deepEqual(world.failures, []);
  });

  it('change with flock.json: one that stays keeps what it is to be told, one that goes is told no more', async () => {
    await using world = await HookWorld.open();
    const script = 'read -r line; echo "$line" >&3; read -r _ <&3';
    const [stays, goes] = [
      commandHook(...world.lifeline.holder(script, 'a')),
      commandHook(...world.lifeline.holder(script, 'b')),
    ];
    const web = await world.web(200);
    world.hooks.update([goes, stays]);
    for (const bot of ['howl', 'rain']) world.raise('parked', bot);
    const first = [...(await world.lifeline.opened.until(2))];
    world.hooks.update([{ ...stays }, webHook(web.url)]);
    world.raise('finished', 'moss');
    await web.seen.until(1);
    for (const holder of first) holder.say('go on\n');
    for (const holder of first) assert.match(await holder.closed, /howl/);
    for (const [index, bot] of [/rain/, /moss/].entries()) {
      const holder = (await world.lifeline.opened.until(3 + index))[2 + index];
      holder?.say('go on\n');
      assert.match((await holder?.closed) ?? '', bot);
    }
    assert.equal(world.lifeline.opened.all.length, 4);
    assert.deepEqual(
      web.told.map(({ bot }) => bot),
      ['moss'],
    );
  });
});

describe('the end', { concurrency: true }, () => {
  it('waits for nothing where nothing is under way', async () => {
    await using world = await HookWorld.open(commandHook('true'));
    await world.hooks.end();
  });

  it('lets what is under way arrive', async () => {
    await using world = await HookWorld.open();
    world.hooks.update([commandHook(...world.lifeline.holder('echo up >&3; read -r _ <&3'))]);
    world.raise('parked');
    world.raise('finished');
    const ended = world.hooks.end();
    for (const index of [0, 1]) (await world.lifeline.opened.until(index + 1))[index]?.say('go on\n');
    await ended;
    assert.deepEqual(world.failures, []);
  });

  it('gives it a moment and no more, and says what was not told', async () => {
    await using world = await HookWorld.open();
    const hanging = "trap '' TERM; echo up >&3; sleep 900";
    world.hooks.update([commandHook(...world.lifeline.holder(hanging))]);
    world.raise('parked');
    world.raise('finished');
    const [holder] = await world.lifeline.opened.until(1);
    const ended = world.hooks.end();
    await world.pass(2);
    await ended;
    assert.equal(await holder?.closed, 'up\n');
    await world.heard.until('hook-failed', 2);
    assert.deepEqual(world.failures, [
      'hooks.0: flockd stopped before it was told everything',
      'hooks.0: flockd stopped before it ended',
    ]);
    assert.equal(world.lifeline.opened.all.length, 1);
  });

  it('does not wait for another attempt', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(500);
    world.hooks.update([webHook(web.url)]);
    world.raise();
    await web.seen.until(1);
    await world.rests(1);
    await world.hooks.end();
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: it answered 500']);
  });
});
