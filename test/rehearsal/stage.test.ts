import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import dns, { lookup } from 'node:dns';
import dnsPromises from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import ts from 'typescript';
import { takeNetworkAway } from '../../src/rehearsal/stage.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { noUnshare, runSpied, spyFiles } from '../support/network-spy.ts';
import { scriptOf, startCommand } from '../support/programs.ts';

const refused = /a rehearsal has no network/;

describe('without a network', () => {
  let visits = 0;
  const server = http.createServer((_, response) => {
    visits++;
    response.end('hello');
  });
  let url: string;
  let port: number;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
    url = `http://127.0.0.1:${port}/`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('nothing connects, sends or looks up a name, and then all does again', async () => {
    {
      using _silence = takeNetworkAway();
      assert.throws(() => net.connect(port, '127.0.0.1'), refused);
      assert.throws(() => net.connect('/run/some.socket'), refused);
      assert.throws(() => tls.connect(port, '127.0.0.1'), refused);
      assert.throws(() => new net.Socket().connect(port), refused);
      assert.throws(() => http.get(url), refused);
      await assert.rejects(
        fetch(url),
        ({ cause }: Error) => cause instanceof Error && cause.message.includes('a rehearsal has no network'),
      );
      const socket = dgram.createSocket('udp4');
      assert.throws(() => socket.send('hello', port), refused);
      assert.throws(() => socket.connect(port), refused);
      socket.close();
      // A name that was imported by itself too.
      assert.throws(() => lookup('localhost', () => undefined), refused);
      assert.throws(() => dns.resolve4('localhost', () => undefined), refused);
      assert.throws(() => new dns.Resolver().resolveTxt('localhost', () => undefined), refused);
      assert.throws(() => dnsPromises.lookup('localhost'), refused);
      assert.throws(() => new dnsPromises.Resolver().reverse('127.0.0.1'), refused);
      assert.equal(visits, 0);
    }
    assert.equal(await (await fetch(url)).text(), 'hello');
    assert.ok((await dnsPromises.lookup('localhost')).address);
  });
});

const src = path.resolve(import.meta.dirname, '../../src');

/** Everything that a file of src/ loads, itself included; types, and what is only named in comments, are not loaded. */
function loadedBy(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
    },
  });
  for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
    if (fileName.startsWith('.')) loadedBy(path.join(path.dirname(file), fileName), found);
    else found.add(fileName);
  }
  return found;
}

describe('what a rehearsal loads', () => {
  const loaded = [...loadedBy(path.join(src, 'cli/flockd/rehearse.ts'))].map((file) =>
    file.startsWith(src) ? path.relative(src, file) : file,
  );

  it('is the daemon, the ledger, the posting code, the signatures and the sandbox themselves', () => {
    for (const file of [
      'daemon/daemon.ts',
      'ledger/journal.ts',
      'posting/bot-runner.ts',
      'posting/reconcile.ts',
      'oauth/signature.ts',
      'networks/x/client.ts',
      'sandbox/sandbox.ts',
    ])
      assert.ok(loaded.includes(file), file);
  });

  it('is nothing that sends or listens', () => {
    const never =
      /^(context|http\/send|http\/node-send|sandbox\/server|web\/(?!html).*)\.ts$|^undici$|^(node:)?(https?|tls|http2)$/;
    assert.deepEqual(
      loaded.filter((file) => never.test(file)),
      [],
    );
    // Only to take them away.
    const owners = [...loaded].filter((file) => /^(node:)?(net|dgram|dns)(\/promises)?$/.test(file));
    assert.deepEqual(owners.sort(), ['node:dgram', 'node:dns', 'node:net']);
  });
});

describe('flockd rehearse', () => {
  const files = {
    'poems/heron.txt': 'one\ntwo\nthree\n',
    ...spyFiles,
    'apikeys.json': JSON.stringify({ consumer_token: 'real-app', consumer_token_secret: 'real-secret' }),
  };
  const env = { KEYMAKER_API_URL: 'http://127.0.0.1:9' };

  it('touches nothing in the process that leads to a network', async () => {
    const cwd = tempFolder(files);
    const { running: probe, seen: probed } = await runSpied(['probe.mjs'], { cwd });
    assert.equal((await probe.exit).code, 0);
    assert.ok(probed.includes('TCPCONNECTWRAP'), 'the spy sees a connection');
    const call = [scriptOf('flockd'), 'rehearse', '--days', '30', '--faults', '0.1'];
    const { running: rehearsal, seen } = await runSpied(call, { cwd, env });
    assert.deepEqual(await rehearsal.exit, { code: 0, signal: null }, rehearsal.stderr);
    assert.match(rehearsal.stdout, /All as promised/);
    assert.deepEqual(seen, []);
  });

  it('needs no network at all', { skip: noUnshare }, async () => {
    const cwd = tempFolder(files);
    const call = ['unshare', '--net', process.execPath, scriptOf('flockd'), 'rehearse', '--days', '30'];
    const rehearsal = startCommand(call, { cwd, env });
    assert.deepEqual(await rehearsal.exit, { code: 0, signal: null }, rehearsal.stderr);
  });
});
