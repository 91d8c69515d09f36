import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { Told } from './hook-ends.ts';
import { commandHook, HookWorld, webHook } from './hook-world.ts';

const planted = {
  CONSUMER_TOKEN_SECRET: 'planted-secret',
  NOTIFY_SOCKET: '/run/planted',
  SOMETHING: 'planted',
};
Object.assign(process.env, planted);
after(() => {
  for (const name of Object.keys(planted)) Reflect.deleteProperty(process.env, name);
});

/** Ignores every polite request to end, and so does what it has started. */
const stubborn = "trap '' TERM INT HUP; sleep 900 & echo up >&3; sleep 900";

describe('a command', { concurrency: true }, () => {
  it('gets the alarm as a line of JSON, its own words, and no secret', async () => {
    await using world = await HookWorld.open();
    const script = 'cat >&3; printf "%s\\n" "$@" >&3; pwd >&3; compgen -e >&3';
    world.hooks.update([commandHook(...world.lifeline.holder(script, 'a b', '$HOME', '*'))]);
    world.raise();
    const [holder] = await world.lifeline.opened.until(1);
    const [body = '', ...rest] = (await holder?.closed)?.split('\n') ?? [];
    const told = JSON.parse(body) as Told;
    assert.deepEqual(told, {
      event: 'parked',
      bot: 'howl',
      at: '2026-03-01T09:00:00.000Z',
      why: 'a reason',
      hint: 'a repair',
      line: 3,
      text: 'howl is in trouble',
      flock: world.root,
    });
    assert.deepEqual(rest.slice(0, 4), ['a b', '$HOME', '*', world.root]);
    assert.deepEqual(
      rest.slice(4).filter((name) => !['PATH', 'PWD', 'OLDPWD', 'SHLVL', '_', ''].includes(name)),
      [],
    );
    assert.deepEqual(world.failures, []);
  });

  it('hears only what it asked for', async () => {
    await using world = await HookWorld.open();
    world.hooks.update([commandHook(...world.lifeline.holder('cat >&3'))]);
    for (const event of ['silent', 'unfit', 'finished'] as const) world.raise(event);
    const [holder] = await world.lifeline.opened.until(1);
    assert.match((await holder?.closed) ?? '', /"event":"finished"/);
    assert.equal(world.lifeline.opened.all.length, 1);
  });

  it('that hangs is killed at its timeout, with everything it has started, and keeps nobody waiting', async () => {
    await using world = await HookWorld.open();
    const web = await world.web(200);
    world.hooks.update([commandHook(...world.lifeline.holder(stubborn)), webHook(web.url)]);
    world.raise('parked', 'howl');
    world.raise('parked', 'rain');
    const [holder] = await world.lifeline.opened.until(1);
    // The other hook is told everything meanwhile.
    await web.seen.until(2);
    await world.pass(6.999);
    assert.deepEqual(world.failures, []);
    await world.pass(0.001);
    assert.equal(await holder?.closed, 'up\n');
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: it did not end within 7 s and was killed']);
    // It is told the next alarm all the same.
    await world.lifeline.opened.until(2);
  });

  it('leaves nothing behind when it ends by itself', async () => {
    await using world = await HookWorld.open();
    world.hooks.update([commandHook(...world.lifeline.holder('sleep 900 & echo up >&3'))]);
    world.raise();
    const [holder] = await world.lifeline.opened.until(1);
    assert.equal(await holder?.closed, 'up\n');
    assert.deepEqual(world.failures, []);
  });

  it('may print megabytes', async () => {
    await using world = await HookWorld.open();
    const script = 'head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2; echo done >&3';
    world.hooks.update([commandHook(...world.lifeline.holder(script))]);
    world.raise();
    const [holder] = await world.lifeline.opened.until(1);
    assert.equal(await holder?.closed, 'done\n');
    assert.deepEqual(world.failures, []);
  });

  it('need not read what it is told', async () => {
    await using world = await HookWorld.open();
    world.hooks.update([commandHook(...world.lifeline.holder('exec <&-; echo done >&3'))]);
    for (let count = 0; count < 5; count++) world.raise();
    for (const { closed } of await world.lifeline.opened.until(5)) assert.equal(await closed, 'done\n');
    assert.deepEqual(world.failures, []);
  });

  it('that fails is logged once for each cause, until it goes well again', async () => {
    await using world = await HookWorld.open();
    const script = 'echo up >&3; read -r code <&3; exit "$code"';
    world.hooks.update([commandHook(...world.lifeline.holder(script))]);
    const codes = [3, 3, 4, 4, 0, 4];
    for (const [index, code] of codes.entries()) {
      world.raise();
      const holder = (await world.lifeline.opened.until(index + 1))[index];
      holder?.say(`${code}\n`);
      await holder?.closed;
    }
    await world.heard.until('hook-failed', 3);
    assert.deepEqual(
      world.failures,
      [3, 4, 4].map((code) => `hooks.0: it ended with ${code}`),
    );
  });

  it('that is killed by somebody else has failed', async () => {
    await using world = await HookWorld.open(commandHook('bash', '-c', 'kill -KILL $$'));
    world.raise();
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: it was ended by SIGKILL']);
  });
});

describe('a command that cannot be started', { concurrency: true }, () => {
  it('is told of at once, and not again with each alarm', async () => {
    await using world = await HookWorld.open();
    const hooks = ['/nowhere/tell', 'no-such-command', './tell', '/etc/passwd/tell'].map((name) =>
      commandHook(name),
    );
    world.hooks.update(hooks);
    await world.heard.until('hook-failed', hooks.length);
    const web = await world.web(200);
    world.hooks.update([...hooks, webHook(web.url)]);
    world.raise();
    world.raise();
    await web.seen.until(2);
    assert.deepEqual(
      world.failures.sort(),
      hooks.map((_, index) => `hooks.${index}: there is no such command`),
    );
  });

  it('is looked for where it will be, and must be one that may be run', async () => {
    await using world = await HookWorld.open();
    const file = path.join(world.root, 'tell');
    writeFileSync(file, '#!/bin/sh\nexit 0\n', { mode: 0o644 });
    world.hooks.update([commandHook('./tell')]);
    const [failure] = await world.heard.until('hook-failed');
    assert.equal(failure?.why, 'flockd may not run it');
    assert.match(failure.hint ?? '', /chmod \+x it; under systemd, ExecPaths=/);
    chmodSync(file, 0o755);
    const web = await world.web(200);
    world.hooks.update([commandHook('./tell'), webHook(web.url)]);
    world.raise();
    await web.seen.until(1);
    assert.equal(world.failures.length, 1);
  });

  it('fails as it is told where that shows only then', async () => {
    await using world = await HookWorld.open();
    writeFileSync(path.join(world.root, 'tell'), '#!/nowhere/interpreter\n', { mode: 0o755 });
    world.hooks.update([commandHook('./tell')]);
    world.raise();
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: there is no such command']);
    assert.match(world.said, /"hooks\.0 \(\.\/tell\): there is no such command"/);
  });

  it('is refused by the system for its length, and nobody falls over it', async () => {
    await using world = await HookWorld.open(commandHook('true', 'x'.repeat(10_000_000)));
    world.raise();
    await world.heard.until('hook-failed');
    assert.deepEqual(world.failures, ['hooks.0: it cannot be started (E2BIG)']);
  });
});
