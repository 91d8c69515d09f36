import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NoAnswer } from '../../src/http/exchange.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { faultRule, type FaultRule } from '../../src/sandbox/faults.ts';
import { Bench } from '../sandbox/client.ts';

function trial(fault?: FaultRule['fault']) {
  const bench = new Bench();
  const { clock, sandbox } = bench;
  if (fault) sandbox.faults.add({ fault });
  const send = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 10_000 });
  const answer = send({
    method: 'GET',
    url: 'http://127.0.0.1:4010/2/nothing?a=b',
    headers: { Accept: '*/*' },
  });
  return { clock, answer };
}

const isUnanswered = (error: unknown): boolean => error instanceof NoAnswer && error.sent;

describe('the transport into the same process', () => {
  it('carries request and answer', async () => {
    assert.equal((await trial().answer).status, 404);
  });

  it('lets broken deliveries be unanswered requests that were sent', async () => {
    for (const kind of ['drop', 'cut'] as const) {
      const { fault } = faultRule.parse({ fault: { kind } });
      await assert.rejects(trial(fault).answer, isUnanswered);
    }
  });

  it('lets time pass on the clock, to the deadline at most', async () => {
    const late = trial({ kind: 'delay', ms: 9_000 });
    const start = late.clock.now();
    await late.clock.runUntil(start + 9_000);
    assert.equal((await late.answer).status, 404);
    for (const fault of [
      { kind: 'hang', when: 'after' },
      { kind: 'trickle', ms: 1_000 },
      { kind: 'delay', ms: 11_000 },
    ] as const) {
      const { answer, clock } = trial(fault);
      const refused = assert.rejects(answer, isUnanswered);
      await clock.runUntil(start + 10_000);
      await refused;
    }
  });

  it('hands on what cannot be read', async () => {
    const half = await trial({ kind: 'gzip-cut', when: 'after' }).answer;
    assert.throws(() => JSON.parse(half.body) as unknown);
    const corrupt = await trial({ kind: 'gzip-corrupt', when: 'after' }).answer;
    assert.equal(corrupt.headers['content-encoding'], 'gzip');
  });
});
