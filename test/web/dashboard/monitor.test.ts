import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ShownFlock } from '../../support/shown-flock.ts';
import { askWithHosts } from '../../support/raw-request.ts';
import { ask } from './ask.ts';

const poem = 'Amber keeps the gnat\nand the afternoon\n<b>not bold</b> & “quoted”\n';

describe('a monitor', () => {
  let flock: ShownFlock;
  let address: string;
  before(async () => {
    flock = new ShownFlock('2026-08-20T00:00:00Z');
    flock.add('amber', poem, {}, { account: 'amber_bot' });
    flock.addInvalid('broken', 'keys/broken.json: not a key bundle', 'make it again');
    flock.update();
    await flock.until('2026-08-22T10:00:00Z');
    address = await flock.listen({ names: ['flock.example'] });
  });
  after(() => flock[Symbol.asyncDispose]());

  const allowed =
    'GET /, GET /dashboard.css, GET /dashboard.js, GET /manual/guide, GET /healthz, GET /readyz, GET /metrics';

  it('says where it listens', () => {
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('shows the flock, and what it shows is text alone', async () => {
    const { status, body } = await ask(address, '/');
    assert.equal(status, 200);
    assert.match(body, /One of two bots is posting\. One needs you\./);
    assert.match(body, /Amber keeps the gnat/);
    assert.match(body, /keys\/broken\.json: not a key bundle/);
    await flock.until('2026-08-23T10:00:00Z');
    assert.match((await ask(address, '/')).body, /&lt;b&gt;not bold&lt;\/b&gt; &amp; “quoted”/);
    assert.doesNotMatch((await ask(address, '/')).body, /<b>not bold/);
  });

  it('lets no script in but its own file', async () => {
    const { headers, body } = await ask(address, '/');
    const policy = headers['content-security-policy'] ?? '';
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
    ])
      // prettier-ignore
      assert.ok(String(policy).split('; ').includes(part), part);
    assert.doesNotMatch(String(policy), /unsafe/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(
      body,
      /<script(?! src="dashboard\.js" defer><\/script>)| style=| on[a-z]+="|javascript:/,
    );
  });

  it('answers no name that it does not know', async () => {
    for (const host of ['evil.example', 'localhost', '127.0.0.1', 'flock.example.evil'])
      for (const way of ['/', '/events', '/metrics', '/nothing'])
        assert.equal((await ask(address, way, { headers: { host } })).status, 421, `${host}${way}`);
    for (const host of ['flock.example', `localhost:${new URL(address).port}`])
      assert.equal((await ask(address, '/', { headers: { host } })).status, 200, host);
  });

  it('answers nothing that names two hosts', async () => {
    const { host } = new URL(address);
    for (const hosts of [
      [host, 'evil.example'],
      ['evil.example', host],
      [host, host],
    ])
      assert.match(await askWithHosts(new URL(address), hosts), /^HTTP\/1\.1 400 /);
    assert.match(await askWithHosts(new URL(address), [host]), /^HTTP\/1\.1 200 /);
  });

  it('answers no page elsewhere, but links to it', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
      for (const way of ['/', '/events', '/healthz'])
        assert.equal((await ask(address, way, { headers })).status, 403);
      const link = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
      assert.equal((await ask(address, '/', { headers: link })).status, 200);
    }
  });

  it('knows what it has, and by which method', async () => {
    for (const route of allowed.split(', ')) {
      const [, way = ''] = route.split(' ');
      assert.equal((await ask(address, way)).status, 200, way);
      const head = await ask(address, way, { method: 'HEAD' });
      assert.equal(head.status, 200, way);
      assert.equal(head.body, '');
    }
    for (const way of [
      '/nothing',
      '/bots/pause',
      '/flock/pause',
      '//evil.example/',
      '/../etc/passwd',
      '/dashboard.css/',
    ])
      assert.equal((await ask(address, way)).status, 404, way);
    for (const method of ['PUT', 'DELETE', 'POST', 'OPTIONS', 'PATCH', 'TRACE']) {
      const { status, headers } = await ask(address, '/', { method, headers: { origin: address } });
      assert.equal(status, 405, method);
      assert.equal(headers.allow, 'GET');
    }
    const events = await ask(address, '/events', { method: 'POST', headers: { origin: address } });
    assert.equal(events.status, 405);
  });

  it('cannot be told anything where nobody allowed it', async () => {
    for (const way of ['/bots/pause', '/bots/resume', '/bots/post', '/flock/pause', '/flock/resume']) {
      const { status } = await ask(address, way, { method: 'POST', headers: { origin: address } });
      assert.equal(status, 404, way);
    }
    assert.doesNotMatch((await ask(address, '/')).body, /method="post"|name="csrf"/);
  });

  it('lets nobody ask again before the answer has gone out', async () => {
    let built = 0;
    const states = flock.ledger.states.bind(flock.ledger);
    flock.ledger.states = () => {
      built++;
      return states();
    };
    await flock.until('2026-08-23T10:00:30Z');
    const { hostname, port, host } = new URL(address);
    const get = (way: string): string => `GET ${way} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const answers = async (asked: string): Promise<number> => {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.setEncoding('latin1').on('data', (part: string) => (text += part));
      socket.write(asked);
      await new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
      return text.match(/^HTTP\/1\.1 /gm)?.length ?? 0;
    };
    for (const way of ['/', '/events', '/metrics', '/nothing'])
      assert.ok((await answers(get(way).repeat(2000))) <= 1, way);
    assert.ok(built <= 2, `${built} views`);
    flock.ledger.states = states;
  });

  it('answers one request after the other on a connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let n = 0; n < 50; n++) {
      const { hostname, port } = new URL(address);
      await new Promise<void>((resolve, reject) => {
        const asked = request({ agent, hostname, port, path: '/' }, (response) => {
          sockets.add(asked.socket);
          assert.equal(response.statusCode, 200);
          response.resume().once('end', resolve);
        });
        asked.on('error', reject).end();
      });
    }
    agent.destroy();
    assert.equal(sockets.size, 1);
  });

  it('reads no more of a request than it needs', async () => {
    const headers = { origin: address };
    const long = await ask(address, '/bots/pause', { method: 'POST', headers, body: 'x'.repeat(20_000) });
    assert.equal(long.status, 413);
    const heads = await ask(address, '/', { headers: { 'x-long': 'x'.repeat(20_000) } });
    assert.equal(heads.status, 431);
  });

  it('sends a page of another edition back for a new one', async () => {
    const { status, body } = await ask(address, '/events?edition=old');
    assert.equal(status, 200);
    assert.equal(body, 'event: stale\ndata:\n\n');
  });

  it('tells of a mistake of its own once, and goes on', async () => {
    const states = flock.ledger.states.bind(flock.ledger);
    flock.ledger.states = () => {
      throw new Error('a bug');
    };
    await flock.until('2026-08-23T10:01:00Z');
    for (let n = 0; n < 3; n++) {
      const { status, body } = await ask(address, '/');
      assert.equal(status, 500);
      assert.doesNotMatch(body, /a bug/);
    }
    flock.ledger.states = states;
    assert.equal((await ask(address, '/')).status, 200);
    const told = flock.log.filter(({ event }) => event === 'monitor-failed');
    assert.deepEqual(told.map(({ reason }) => reason), ['a bug']); // prettier-ignore
  });

  it('builds one view a second for all who ask', async () => {
    let built = 0;
    const states = flock.ledger.states.bind(flock.ledger);
    flock.ledger.states = () => {
      built++;
      return states();
    };
    await flock.until('2026-08-23T10:02:00Z');
    await Promise.all(Array.from({ length: 20 }, () => ask(address, '/')));
    const once = built;
    assert.ok(once > 0);
    await flock.until('2026-08-23T10:02:00.900Z');
    await ask(address, '/');
    assert.equal(built, once);
    // Not much sooner than that: the longer a view takes, the longer the next one waits.
    await flock.until('2026-08-23T10:02:50Z');
    await ask(address, '/');
    assert.equal(built, 2 * once);
    flock.ledger.states = states;
  });

  it('shows what the poems are now', async () => {
    writeFileSync(path.join(flock.root, 'poems/amber.txt'), '');
    await flock.until('2026-08-23T10:03:00Z');
    assert.match((await ask(address, '/')).body, /amber\.txt has no lines/);
    // A line that was posted and shown stays what it was.
    assert.match((await ask(address, '/')).body, /Amber keeps the gnat/);
  });
});
