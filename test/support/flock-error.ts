import assert from 'node:assert/strict';
import { type Exit, FlockError } from '../../src/errors.ts';

/** For `assert.rejects` and `assert.throws`: a FlockError with this exit, message and hint. */
export const flockError =
  (exit: Exit, message: RegExp, hint = /./) =>
  (error: unknown): true => {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, exit, error.message);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
    return true;
  };
