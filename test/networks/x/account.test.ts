import { describe } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import type { Send } from '../../../src/http/exchange.ts';
import { openX } from '../../../src/networks/x/client.ts';
import { TokenPair } from '../../../src/oauth/signature.ts';
import { sendInProcess } from '../../../src/rehearsal/stage.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { accountCases, type Stage } from '../../contract/account.ts';

function stage(): Stage {
  const clock = new HeldClock('2026-11-21T09:00:00Z');
  const app = { token: 'app', secret: 'app-secret' };
  const sandbox = new Sandbox({ clock, appKeys: [app], seed: 'test' });
  const inProcess = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 30_000 });
  const send: Send = (request) => {
    clock.set(clock.now() + 1000);
    return inProcess(request);
  };
  const { token, secret, userId, screenName } = sandbox.grant(app.token, 'rain');
  const open = (accessToken: TokenPair) =>
    openX(
      'http://127.0.0.1:4010',
      send,
      clock,
    )({
      appKeys: new TokenPair(app.token, app.secret),
      accessToken,
      userId,
      screenName,
    });
  return {
    account: open(new TokenPair(token, secret)),
    stranger: open(new TokenPair('7-never-given', 'never-given')),
    userId,
    screenName,
    ordersIds: true,
    minPage: 5,
  };
}

describe('an account at X', () => {
  accountCases(() => Promise.resolve(stage()));
});
