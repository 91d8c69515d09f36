import assert from 'node:assert/strict';
import { constants, readFileSync, readlinkSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { openStateFolder } from '../../src/ledger/folder.ts';
import { formatLine, Journal } from '../../src/ledger/journal.ts';
import { flockError } from '../support/flock-error.ts';

const begun = (bot: string): LedgerEvent => ({ event: 'begun', bot, at: 1000, poem: 'aaaaaaaabbbbbbbb' });

/** What a descriptor stands for, or undefined where it was closed meanwhile. */
function linkOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(descriptor);
  } catch {
    return undefined;
  }
}

describe('journal', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
    file = path.join(folder, 'journal.jsonl');
  });
  afterEach(async () => {
    mock.restoreAll();
    await rm(folder, { recursive: true });
  });

  async function write(...events: LedgerEvent[]): Promise<void> {
    await using journal = await Journal.open(folder);
    for (const event of events) await journal.record(event);
  }

  async function botsIn(): Promise<string[]> {
    await using journal = await Journal.open(folder);
    return ['ada', 'bea', 'cid'].filter((bot) => journal.state(bot));
  }

  it('is lines of JSON that a person can read, private to its owner', async () => {
    await write(begun('ada'));
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { n: number }).n),
      [0, 1],
    );
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('survives being cut at every byte: what is whole counts, what is not was never acknowledged', async () => {
    await write(begun('ada'), begun('bea'), begun('cid'));
    const whole = await readFile(file);
    const ends = [...whole.toString().matchAll(/\n/g)].map(({ index }) => index + 1);
    for (let length = 0; length <= whole.length; length++) {
      await writeFile(file, whole.subarray(0, length));
      // A line that lacks nothing but its newline is whole.
      const lines = ends.filter((end) => end - 1 <= length).length;
      const expected = ['ada', 'bea', 'cid'].slice(0, Math.max(0, lines - 1));
      assert.deepEqual(await botsIn(), expected, `cut at byte ${length}`);
      await write(begun('dot'));
    }
  });

  it('goes on after a torn tail without a trace of it', async () => {
    await write(begun('ada'));
    await appendFile(file, '{"n":2,"event":"begun","bot":"be');
    await write(begun('cid'));
    assert.deepEqual(await botsIn(), ['ada', 'cid']);
  });

  it('notices every flipped bit, and names the line', async () => {
    await write(begun('ada'), begun('bea'));
    const whole = await readFile(file);
    for (let byte = 0; byte < whole.length; byte++) {
      const damaged = Buffer.from(whole);
      damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (byte % 8));
      await writeFile(file, damaged);
      await assert.rejects(
        Journal.open(folder),
        flockError('data', /journal\.jsonl:[123]: the journal is damaged here/),
        `byte ${byte}`,
      );
    }
  });

  it('refuses a journal with a line missing, doubled or out of order', async () => {
    await write(begun('ada'), begun('bea'), begun('cid'));
    const [header = '', first = '', second = '', third = ''] = (await readFile(file, 'utf8')).split(
      /(?<=\n)/,
    );
    for (const lines of [
      [first, second],
      [header, second, third],
      [header, first, first],
      [header, second, first],
    ]) {
      await writeFile(file, lines.join(''));
      await assert.rejects(Journal.open(folder), flockError('data', /damaged/));
    }
  });

  it('refuses a newer version, and what is no journal at all', async () => {
    await writeFile(file, formatLine(0, { journal: 'flockd', version: 4 }));
    await assert.rejects(Journal.open(folder), flockError('data', /newer flockd \(version 4\)/));
    await writeFile(file, 'a poem\nand no journal\n');
    await assert.rejects(Journal.open(folder), flockError('data', /damaged/));
  });

  it('keeps nothing more after a failed write, and says so each time', async () => {
    const probe = await open(file, 'w');
    const proto = Object.getPrototypeOf(probe) as { write: () => Promise<object> };
    await probe.close();
    await truncate(file);
    await using journal = await Journal.open(folder);
    await journal.record(begun('ada'));
    const failing = mock.method(proto, 'write', () =>
      Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })),
    );
    const lost = (error: unknown): boolean =>
      error instanceof FlockError && error.exit === 'io' && error.message.includes('failing');
    await assert.rejects(journal.record(begun('bea')), lost);
    failing.mock.restore();
    await assert.rejects(journal.record(begun('cid')), lost);
    assert.equal(journal.state('bea'), undefined);
  });

  it('writes through to the disk', { skip: process.platform !== 'linux' }, async () => {
    await using journal = await Journal.open(folder);
    await journal.record(begun('ada'));
    const descriptors = await readdir('/proc/self/fd');
    const flags = descriptors
      .filter((fd) => linkOf(`/proc/self/fd/${fd}`) === file)
      .map((fd) => /flags:\s+([0-7]+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '');
    assert.deepEqual(
      flags.map((octal) => parseInt(octal, 8) & constants.O_DSYNC),
      [constants.O_DSYNC],
    );
  });

  it('shares one write, and its fsync, between those who wait for it', async () => {
    await using journal = await Journal.open(folder);
    const probe = await open(file, 'r');
    const writes = mock.method(Object.getPrototypeOf(probe) as { write: () => Promise<object> }, 'write');
    await probe.close();
    await Promise.all(Array.from({ length: 100 }, (_, index) => journal.record(begun(`bot-${index}`))));
    assert.equal(writes.mock.callCount(), 1);
    writes.mock.restore();
  });
});

describe("journal, under hands that are not flockd's", () => {
  const file = (folder: string): string => path.join(folder, 'journal.jsonl');
  const hands: [string, RegExp, (folder: string) => Promise<void>][] = [
    ['removed', /was removed/, (folder) => rm(file(folder))],
    ['removed with its folder', /was removed/, (folder) => rm(folder, { recursive: true })],
    [
      'moved away with its folder, and an empty one made',
      /was removed/,
      async (folder) => {
        await rename(folder, `${folder}-away`);
        await mkdir(folder);
      },
    ],
    [
      'replaced by a copy',
      /was replaced/,
      async (folder) => {
        await writeFile(`${file(folder)}.copy`, await readFile(file(folder)));
        await rename(`${file(folder)}.copy`, file(folder));
      },
    ],
    ['cut short', /was cut short/, (folder) => truncate(file(folder), 20)],
    ['emptied', /was cut short/, (folder) => truncate(file(folder))],
    ['written to', /was written to/, (folder) => appendFile(file(folder), '\n')],
  ];

  for (const [what, message, act] of hands) {
    it(`keeps nothing more once it was ${what}`, async () => {
      const parent = await mkdtemp(path.join(tmpdir(), 'journal-'));
      try {
        const folder = path.join(parent, 'state');
        await using journal = await Journal.open(folder, { manyLines: 3 });
        // Written anew by itself on the way, which is none of others' doing.
        for (const bot of ['ada', 'bea', 'cid', 'dot', 'eve']) await journal.record(begun(bot));
        await act(folder);
        const isRefused = (error: unknown): boolean =>
          error instanceof FlockError &&
          error.exit === 'io' &&
          message.test(error.message) &&
          error.hint !== undefined;
        await assert.rejects(journal.record(begun('fay')), isRefused);
        await assert.rejects(journal.record(begun('gil')), isRefused);
        assert.equal(journal.state('fay'), undefined);
      } finally {
        await rm(parent, { recursive: true });
      }
    });
  }

  it('keeps nothing more once others may write to it, and tells its subscribers of nothing more', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
    try {
      let isOurs = true;
      const mustBeOurs = (): Promise<void> =>
        isOurs ? Promise.resolve() : Promise.reject(new FlockError('io', 'the lock is gone'));
      await using journal = await Journal.open(folder, { mustBeOurs });
      const told: string[] = [];
      journal.subscribe(({ event }) => told.push(event.bot));
      await journal.record(begun('ada'));
      isOurs = false;
      await assert.rejects(journal.record(begun('bea')), { exit: 'io', message: 'the lock is gone' });
      assert.equal(journal.state('bea'), undefined);
      assert.deepEqual(told, ['ada']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('journal, compacted', () => {
  it('leaves nothing of a new journal for which there is no room', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
    try {
      const whole = await openStateFolder(folder);
      const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      let isFull = false;
      const append = async (name: string, text: string): Promise<void> => {
        const isCut = isFull && name === 'journal.new';
        await whole.append(name, isCut ? text.slice(0, text.length / 2) : text);
        if (isCut) throw full;
      };
      const small = { ...whole, append };
      {
        await using journal = await Journal.open(small, { manyLines: 5 });
        await journal.record(begun('ada'));
        isFull = true;
        const lost = (error: unknown): boolean => error instanceof FlockError && error.exit === 'io';
        const again: LedgerEvent = { event: 'again', bot: 'ada', at: 2000, poem: 'aaaaaaaa' };
        await assert.rejects(journal.record(...Array.from({ length: 6 }, () => again)), lost);
        assert.deepEqual(await readdir(folder), ['journal.jsonl']);
      }
      await writeFile(path.join(folder, 'journal.new'), 'what a process that was killed left');
      await assert.rejects(Journal.open(small), /the disk is full/);
      assert.deepEqual(await readdir(folder), ['journal.jsonl']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is rewritten when it has grown, says the same, and goes on', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
    const bots = ['ada', 'bea', 'cid'];
    const post = (bot: string, index: number): LedgerEvent[] => [
      { event: 'intent', bot, at: index, slot: index, until: index, line: 0, lines: 1, print: 'aaaaaaaa' },
      { event: 'posted', bot, at: index, id: String(index), by: 'answer' },
      { event: 'again', bot, at: index, poem: 'aaaaaaaa' },
    ];
    try {
      const states = async (): Promise<unknown[]> => {
        await using journal = await Journal.open(folder, { manyLines: 50 });
        return bots.map((bot) => journal.state(bot));
      };
      let before: unknown[];
      {
        await using journal = await Journal.open(folder, { manyLines: 50 });
        await Promise.all(bots.map((bot) => journal.record(begun(bot))));
        for (let index = 1; index <= 40; index++) {
          await Promise.all(bots.map((bot) => journal.record(...post(bot, index))));
        }
        before = bots.map((bot) => journal.state(bot));
      }
      assert.deepEqual(await states(), before);
      const lines = (await readFile(path.join(folder, 'journal.jsonl'), 'utf8')).split('\n').length;
      assert.ok(lines <= 60, `${lines} lines after 363 events`);
      {
        await using journal = await Journal.open(folder, { manyLines: 50 });
        await journal.record(...post('ada', 99));
      }
      const [ada] = (await states()) as { last: { id: string } }[];
      assert.equal(ada?.last.id, '99');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
