import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { FlockError } from '../../src/errors.ts';
import { openSandbox, type OpenSandbox, type OpenSandboxOptions } from '../../src/sandbox/server.ts';
import { askWithHosts } from '../support/raw-request.ts';
import { app, signHeader } from './client.ts';

const started = '2026-11-21T09:00:00Z';

async function open(t: TestContext, options: Partial<OpenSandboxOptions> = {}) {
  const clock = new HeldClock(started);
  const opened = await openSandbox({ port: 0, clock, appKeys: [app], seed: 'test', ...options });
  t.after(() => opened.close());
  return { ...opened, clock };
}

const folders: string[] = [];

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sandbox-'));
  folders.push(path);
  return path;
}

// Not each with its test: hooks run in the order they were added, and a sandbox stores its state when it closes.
after(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

let nonce = 0;

/** Sends a signed post of howl's and resolves with the answer once its head is there. */
async function post(
  { url, sandbox }: Pick<OpenSandbox, 'url' | 'sandbox'>,
  text: string,
): Promise<IncomingMessage> {
  const key = sandbox.grant(app.token, 'howl');
  const oauth = {
    oauth_consumer_key: app.token,
    oauth_nonce: String(nonce++),
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(Date.parse(started) / 1000),
    oauth_token: key.token,
  };
  const secrets = { app: app.secret, token: key.secret };
  const authorization = signHeader('POST', `${url}/2/tweets`, [], oauth, secrets);
  const headers = { authorization, 'content-type': 'application/json' };
  const sent = request(`${url}/2/tweets`, { method: 'POST', headers, agent: false });
  sent.end(JSON.stringify({ text }));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of answer as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

function nextPost({ sandbox }: Pick<OpenSandbox, 'sandbox'>): Promise<void> {
  return new Promise((resolve) => {
    sandbox.world.watch(({ kind }) => {
      if (kind === 'posted') resolve();
    });
  });
}

const idIn = (body: Buffer): string | undefined =>
  (JSON.parse(body.toString()) as { data?: { id?: string } }).data?.id;

describe('the server', () => {
  it('listens on loopback and answers as the sandbox does', async (t) => {
    const opened = await open(t);
    assert.match(opened.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await post(opened, 'line');
    assert.equal(answer.statusCode, 201);
    assert.equal(answer.headers.date, 'Sat, 21 Nov 2026 09:00:00 GMT');
    assert.equal(idIn(await bodyOf(answer)), opened.sandbox.world.posts[0]?.id);
  });

  it('says which port is taken', async (t) => {
    const { url } = await open(t);
    const port = Number(new URL(url).port);
    await assert.rejects(openSandbox({ port, clock: new HeldClock(started), appKeys: [app] }), (error) => {
      assert.ok(error instanceof FlockError);
      assert.deepEqual(
        [error.exit, error.message, error.hint],
        [
          'unavailable',
          `port ${String(port)} is in use`,
          'choose another with --port N; 0 takes any that is free',
        ],
      );
      return true;
    });
  });

  it('turns away another host name and a body without end', async (t) => {
    const { url } = await open(t);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /sandbox/events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    assert.match((await bodyOf(socket as unknown as IncomingMessage)).toString(), /^HTTP\/1\.1 421 /);
    const { host } = new URL(url);
    assert.match(await askWithHosts(new URL(url), [host, 'evil.example']), /^HTTP\/1\.1 400 /);
    assert.match(await askWithHosts(new URL(url), [host]), /^HTTP\/1\.1 200 /);
    const large = await fetch(`${url}/2/tweets`, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) });
    assert.equal(large.status, 413);
  });

  it('streams posts and deletions to the page', async (t) => {
    const opened = await open(t);
    const [events] = (await once(request(`${opened.url}/sandbox/events`).end(), 'response')) as [
      IncomingMessage,
    ];
    assert.match(events.headers['content-type'] ?? '', /^text\/event-stream/);
    events.setEncoding('utf8');
    await once(events, 'data');
    await bodyOf(await post(opened, 'one\ntwo <b>'));
    const [posted] = (await once(events, 'data')) as [string];
    const [head, data] = posted.split('\n');
    assert.equal(head, 'event: posted');
    const card = JSON.parse((data ?? '').slice('data: '.length)) as Record<string, unknown>;
    assert.deepEqual([card['account'], card['text']], ['howl', 'one\ntwo <b>']);
    const { body } = opened.sandbox.handle({
      method: 'GET',
      url: '/',
      host: '127.0.0.1',
      headers: {},
      body: '',
    });
    assert.ok(body.includes(String(card['html'])), 'the card of the page');
    assert.match(String(card['html']), />H<.*one\ntwo &lt;b&gt;</s);
    const made = opened.sandbox.world.posts[0];
    assert.ok(made);
    opened.sandbox.world.deletePost(made);
    assert.deepEqual(await once(events, 'data'), [`event: deleted\ndata: {"id":"${made.id}"}\n\n`]);
    events.destroy();
  });
});

describe('a spoiled delivery', () => {
  const fail = (code: string) => (error: unknown) =>
    error instanceof Error && 'code' in error && error.code === code;

  it('drops the connection, whether the post was accepted or not', async (t) => {
    const opened = await open(t);
    for (const [when, count] of [
      ['before', 0],
      ['after', 1],
    ] as const) {
      opened.sandbox.faults.add({ times: 1, fault: { kind: 'drop', when } });
      await assert.rejects(post(opened, 'line'), fail('ECONNRESET'));
      assert.equal(opened.sandbox.world.posts.length, count);
    }
  });

  it('cuts a body in the middle', async (t) => {
    const opened = await open(t);
    opened.sandbox.faults.add({ fault: { kind: 'cut' } });
    const answer = await post(opened, 'line');
    assert.equal(answer.statusCode, 201);
    await assert.rejects(bodyOf(answer), fail('ECONNRESET'));
    assert.equal(opened.sandbox.world.posts.length, 1);
  });

  it('hangs until the sandbox closes', async () => {
    const opened = await openSandbox({ port: 0, clock: new HeldClock(started), appKeys: [app] });
    opened.sandbox.faults.add({ fault: { kind: 'hang', when: 'after' } });
    const accepted = nextPost(opened);
    const refused = assert.rejects(post(opened, 'line'), fail('ECONNRESET'));
    await accepted;
    await opened.close();
    await refused;
  });

  it('delays and trickles on the sandbox’s own clock', async (t) => {
    const opened = await open(t);
    opened.sandbox.faults.add({ times: 1, fault: { kind: 'delay', ms: 60_000 } });
    const accepted = nextPost(opened);
    const delayed = post(opened, 'late');
    await accepted;
    await opened.clock.runUntil(opened.clock.now() + 60_000);
    assert.ok(idIn(await bodyOf(await delayed)));
    opened.sandbox.faults.add({ times: 1, fault: { kind: 'trickle', ms: 10 } });
    const answer = await post(opened, 'slow');
    const body = bodyOf(answer);
    await opened.clock.runUntil(opened.clock.now() + 10_000);
    assert.equal(idIn(await body), opened.sandbox.world.posts[1]?.id);
  });

  it('sends half a gzip as if it were whole, or none at all', async (t) => {
    const opened = await open(t);
    opened.sandbox.faults.add({ times: 1, fault: { kind: 'gzip-cut' } });
    const half = await post(opened, 'a');
    assert.equal(half.headers['content-encoding'], 'gzip');
    assert.equal((await bodyOf(half)).subarray(0, 2).toString('hex'), '1f8b');
    opened.sandbox.faults.add({ times: 1, fault: { kind: 'gzip-corrupt' } });
    const corrupt = await post(opened, 'b');
    assert.equal(corrupt.headers['content-encoding'], 'gzip');
    assert.ok(idIn(await bodyOf(corrupt)));
  });
});

describe('a stored sandbox', () => {
  it('comes back with its accounts, tokens and posts', async (t) => {
    const stateFile = join(await folder(), 'state.json');
    const first = await openSandbox({
      port: 0,
      clock: new HeldClock(started),
      appKeys: [app],
      stateFile,
      credits: 9,
    });
    await bodyOf(await post(first, 'line'));
    const before = first.sandbox.world.snapshot();
    await first.close();
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600);
    const second = await open(t, { stateFile });
    assert.deepEqual(second.sandbox.world.snapshot(), before);
    assert.equal(second.sandbox.world.credits, 8);
    const again = await post(second, 'line');
    assert.equal(again.statusCode, 403, 'a duplicate across the restart');
    await bodyOf(again);
    const next = idIn(await bodyOf(await post(second, 'next'))) ?? '';
    assert.ok(BigInt(next) > BigInt(before.posts[0]?.id ?? ''));
  });

  it('is written soon after a change, and leaves no draft behind', async (t) => {
    const dir = await folder();
    const opened = await open(t, { stateFile: join(dir, 'state.json') });
    assert.deepEqual(await readdir(dir), []);
    opened.sandbox.world.ensureAccount('howl');
    assert.equal(opened.clock.nextAlarm, Date.parse(started) + 500);
    await opened.clock.runUntil(Date.parse(started) + 500);
    await opened.close();
    assert.deepEqual(await readdir(dir), ['state.json']);
    assert.match(await readFile(join(dir, 'state.json'), 'utf8'), /"screenName":"howl"/);
  });

  it('is refused when damaged, and left as it is', async () => {
    const stateFile = join(await folder(), 'state.json');
    for (const damage of ['{"version":1,"accounts":[', '{"version":1,"accounts":[{"id":7}]}', '']) {
      await writeFile(stateFile, damage);
      await assert.rejects(
        openSandbox({ port: 0, clock: new HeldClock(started), appKeys: [app], stateFile }),
        (error) => error instanceof FlockError && error.exit === 'data' && error.message.includes(stateFile),
      );
      assert.equal(await readFile(stateFile, 'utf8'), damage);
    }
  });

  it('says when it cannot be written', async () => {
    const dir = await folder();
    const stateFile = join(dir, 'missing', 'state.json');
    const opened = await openSandbox({ port: 0, clock: new HeldClock(started), appKeys: [app], stateFile });
    await assert.rejects(
      opened.close(),
      (error) => error instanceof FlockError && error.exit === 'cannotCreate',
    );
  });
});
