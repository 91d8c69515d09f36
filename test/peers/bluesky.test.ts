import { describe } from 'node:test';
import { blueskyContract } from '../contract/bluesky-account.ts';
import { noPds, startPds } from './pds.ts';

if (noPds === false) blueskyContract('@atproto/pds', startPds);
else {
  process.stderr.write(`test/peers/bluesky.test.ts: skipped, since ${noPds}\n`);
  describe("Bluesky's contract with @atproto/pds", { skip: noPds }, () => undefined);
}
