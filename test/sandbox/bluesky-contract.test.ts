import { HeldClock } from '../../src/clock.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { blueskyContract } from '../contract/bluesky-account.ts';
import { sendTo } from './bluesky-bench.ts';

blueskyContract('the sandbox', () => {
  const clock = new HeldClock('2026-11-21T09:00:00Z');
  const sandbox = new Sandbox({ clock, appKeys: [], seed: 'test', bluesky: { adminPassword: 'secret' } });
  return Promise.resolve({
    server: 'http://127.0.0.1:4010/bluesky',
    directory: 'http://127.0.0.1:4010/bluesky/plc',
    adminPassword: 'secret',
    clock,
    send: sendTo(sandbox),
    close: () => undefined,
  });
});
