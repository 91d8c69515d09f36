import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Exit } from '../../src/errors.ts';
import type { KeyBundle } from '../../src/keys/bundle.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { flockError } from '../support/flock-error.ts';

/** A bundle whose secrets say `hidden`, one for each number. */
export const bundle = (n: number): KeyBundle => ({
  appKeys: new TokenPair('app', 'hidden-app'),
  accessToken: new TokenPair(`7${n}-access`, 'hidden-access'),
  userId: `7${n}`,
  screenName: 'howl',
  poemFile: 'poems/howl.txt',
});

/** Whether what was thrown is this refusal, and tells no secret. */
export const refused =
  (exit: Exit, message: RegExp, hint = /./) =>
  (error: unknown): boolean => {
    assert.ok(flockError(exit, message, hint)(error));
    assert.doesNotMatch(inspect(error), /hidden|AGE-SECRET/);
    return true;
  };
