import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tempFolder } from '../flock/temp-folder.ts';
import { noUnshare, runSpied, spyFiles } from '../support/network-spy.ts';
import { scriptOf, startCommand } from '../support/programs.ts';

describe('flockd plan and the network', () => {
  const bundle = {
    consumer_token: 'app',
    consumer_token_secret: 'hidden-app',
    oauth_token: '77-access',
    oauth_token_secret: 'hidden-access',
    user_id: '77',
    screen_name: 'heron',
  };
  const files = {
    'poems/heron.txt': 'The heron stands\n',
    'keys/heron.json': JSON.stringify(bundle),
    ...spyFiles,
  };

  it('have nothing to do with each other', async () => {
    const cwd = tempFolder(files);
    const { seen: probed } = await runSpied(['probe.mjs'], { cwd });
    assert.deepEqual(probed, ['TCPWRAP', 'TCPCONNECTWRAP'], 'the spy sees a connection');
    for (const how of [[], ['--json'], ['--ics']]) {
      const { running, seen } = await runSpied([scriptOf('flockd'), 'plan', ...how], { cwd });
      assert.deepEqual(await running.exit, { code: 0, signal: null }, running.stderr);
      assert.deepEqual(seen, []);
      assert.doesNotMatch(running.stdout, /hidden/);
    }
  });

  it('need not even be on one machine', { skip: noUnshare }, async () => {
    const call = ['unshare', '--net', process.execPath, scriptOf('flockd'), 'plan'];
    const running = startCommand(call, { cwd: tempFolder(files) });
    assert.deepEqual(await running.exit, { code: 0, signal: null }, running.stderr);
  });
});
