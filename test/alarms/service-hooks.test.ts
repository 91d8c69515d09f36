import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { type Alarm, callHook, sampleAlarm, shownHook } from '../../src/alarms/call.ts';
import { systemClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { openSender } from '../../src/http/send.ts';
import { secretPath, WebEnd } from './hook-ends.ts';

const alarm: Alarm = {
  ...sampleAlarm(Date.parse('2026-03-01T09:00:00Z')),
  event: 'parked',
  bot: 'höwl',
  text: 'höwl needs you: <!channel> & @everyone *boo*',
};

/** Sends an alarm as a hook of flock.json. */
async function send(settings: object, what = alarm) {
  const { alarms } = parseFlockFile(
    JSON.stringify({ hooks: [{ on: ['parked'], ...settings }] }),
    'flock.json',
  );
  const [hook] = alarms.hooks;
  assert.ok(hook);
  await using sender = openSender({ deadline: 10_000, sockets: 2 });
  const { signal } = new AbortController();
  const trouble = await callHook(hook, what, {
    clock: systemClock,
    send: (request) => sender.send(request),
    root: '/flock',
    signal,
    output: 'nowhere',
  });
  return { trouble, shown: shownHook(hook) };
}

/** A mail server that takes one mail, and answers as it is told. */
async function openMailServer(answers: Record<string, string> = {}) {
  const said: string[] = [];
  const server = net.createServer((socket) => {
    let isData = false;
    socket.write('220 mail.example\r\n');
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\r\n').slice(0, -1)) {
        said.push(line);
        const [verb = ''] = line.split(' ');
        if (isData && line !== '.') continue;
        isData = verb === 'DATA';
        const usual = { EHLO: '250-mail.example\r\n250 AUTH PLAIN', DATA: '354 go on', QUIT: '221 bye' };
        socket.write(`${{ ...usual, ...answers }[verb] ?? '250 ok'}\r\n`);
      }
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    said,
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: () => void server.close(),
  };
}

describe('an alarm by a service', { concurrency: true }, () => {
  const services: [name: string, more: object, path: string, body: object][] = [
    ['ntfy', {}, '/', { topic: secretPath, title: 'flockd: höwl: parked', message: alarm.text, priority: 4 }],
    [
      'slack',
      {},
      `/${secretPath}`,
      { text: '*flockd: höwl: parked*\nhöwl needs you: &lt;!channel&gt; &amp; @everyone *boo*' },
    ],
    [
      'discord',
      {},
      `/${secretPath}`,
      { content: `flockd: höwl: parked\n${alarm.text}`, allowed_mentions: { parse: [] } },
    ],
    [
      'telegram',
      { token: '123:secret-token', chat: -10_042 },
      `/${secretPath}/bot123:secret-token/sendMessage`,
      { chat_id: '-10042', text: `flockd: höwl: parked\n${alarm.text}` },
    ],
  ];
  for (const [to, more, path, body] of services) {
    it(`${to} gets it in its own form, and its name is shown without the address`, async () => {
      await using web = await WebEnd.open(200);
      const { trouble, shown } = await send({ to, url: web.url, ...more });
      assert.equal(trouble, undefined);
      assert.equal(shown, to);
      const [seen] = await web.seen.until(1);
      assert.deepEqual([seen?.method, seen?.path, seen?.type], ['POST', path, 'application/json']);
      assert.deepEqual(JSON.parse(seen?.body ?? ''), body);
    });

    it(`${to} that refuses it is a trouble without a secret`, async () => {
      await using web = await WebEnd.open(403);
      const { trouble } = await send({ to, url: web.url, ...more });
      assert.deepEqual(trouble, { why: 'it answered 403', passes: false });
    });
  }

  it('is no longer than the service takes', async () => {
    await using web = await WebEnd.open(200);
    await send({ to: 'discord', url: web.url }, { ...alarm, text: 'x'.repeat(5000) });
    const [seen] = await web.seen.until(1);
    assert.equal((JSON.parse(seen?.body ?? '') as { content: string }).content.length, 2000);
  });

  it('does not end with half a character', async () => {
    await using web = await WebEnd.open(200);
    await send({ to: 'discord', url: web.url }, { ...alarm, bot: 'x', text: '🕊'.repeat(2000) });
    const [seen] = await web.seen.until(1);
    assert.doesNotMatch(seen?.body ?? '', /\\ud/);
  });

  it('ntfy of your own may be in a folder', async () => {
    await using web = await WebEnd.open(200);
    await send({ to: 'ntfy', url: `http://127.0.0.1:${web.port}/push/alarms?auth=x` });
    const [seen] = await web.seen.until(1);
    assert.equal(seen?.path, '/push?auth=x');
    assert.equal((JSON.parse(seen.body) as { topic: string }).topic, 'alarms');
  });

  it('a webhook gets the same JSON as by "post"', async () => {
    await using web = await WebEnd.open(204);
    assert.equal((await send({ to: 'webhook', url: web.url })).trouble, undefined);
    assert.equal((await web.seen.until(1)).length, 1);
    assert.equal(web.told[0]?.flock, '/flock');
  });
});

describe('an alarm by e-mail', () => {
  const to = 'email';
  const address = 'owner@flock.example';

  it('is a mail, by the server', async () => {
    using server = await openMailServer();
    const smtp = `smtp://127.0.0.1:${server.port}`;
    const { trouble, shown } = await send({ to, address, from: 'flockd@flock.example', smtp });
    assert.deepEqual([trouble, shown], [undefined, 'email']);
    const said = server.said.join('\n');
    assert.match(said, /MAIL FROM:<flockd@flock\.example>/);
    assert.match(said, /RCPT TO:<owner@flock\.example>/);
    assert.match(said, /^Subject: =\?UTF-8\?/m);
    assert.match(said, /^From: flockd@flock\.example$/m);
  });

  it('is given up if the server refuses it, and tried again if it is busy', async () => {
    for (const [answer, passes] of [
      ['550 no such user', false],
      ['451 later', true],
    ] as const) {
      using server = await openMailServer({ RCPT: answer });
      const { trouble } = await send({ to, address, smtp: `smtp://127.0.0.1:${server.port}` });
      assert.deepEqual(trouble, {
        why: `the mail was not taken (it answered ${answer.slice(0, 3)})`,
        passes,
      });
    }
  });

  it('says that the password is wrong, and not which', async () => {
    using server = await openMailServer({ AUTH: '535 no' });
    const smtp = `smtp://flockd:quiet-little-secret@127.0.0.1:${server.port}`;
    const { trouble } = await send({ to, address, smtp });
    assert.deepEqual(trouble, { why: 'the mail server refuses the user or the password', passes: false });
  });

  it('says that no server answers', async () => {
    const { trouble } = await send({ to, address, smtp: 'smtp://127.0.0.1:1' });
    assert.equal(trouble?.passes, true);
    assert.match(trouble.why, /^the mail was not taken \(\w+\)$/);
  });
});
