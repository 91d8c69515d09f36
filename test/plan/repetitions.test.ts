import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { notesIn as notes, planned, type Planned } from './small-flock.ts';

const hour = 3_600_000;
const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => `line ${n + 1}`);

describe('a plan for a poem that comes again too soon', () => {
  const loops = ({ plan }: Planned): string[] =>
    Array.from(plan.lints(), ({ message }) => message.split(', and then')[0] ?? '');

  const rows: [lines: number, schedule: string, says: string][] = [
    [4, '0 * * * *', 'about 4 hours after it began: X will probably refuse it'],
    [4, '*/15 * * * *', 'about 60 minutes after it began: X will probably refuse it'],
    [2, '*/15 * * * *', 'about 30 minutes after it began: X will probably refuse it'],
    [1, '0 9,21 * * *', 'about 12 hours after it began: X may refuse it'],
    [4, '0 9 * * *', 'about 4 days after it began: X may refuse it'],
  ]; // prettier-ignore
  for (const [count, schedule, says] of rows) {
    it(`of ${count} lines at ${schedule}`, () => {
      const plan = planned({ poems: { ada: lines(count) }, settings: { schedule } });
      assert.deepEqual(loops(plan), [`the poem begins again ${says}`]);
    });
  }

  const slotsOf = (plan: Planned): (string | undefined)[] => notes(plan).map((note) => note.split(': ')[2]);

  it('says how many slots have no post, and is right', () => {
    for (const [count, schedule, all] of [
      [2, '*/15 * * * *', 2880],
      [4, '0 * * * *', 720],
      [3, '* * * * *', 43_200],
    ] as const) {
      const plan = planned({ poems: { ada: lines(count) }, settings: { schedule, spread: '10m' } });
      const missing = (all - plan.posts.length).toLocaleString('en-US');
      assert.deepEqual(slotsOf(plan), [
        `${missing} of ${all.toLocaleString('en-US')} slots pass without a post`,
      ]);
    }
  });

  it('says nothing where every slot has its post, or of slots after the end', () => {
    const joined = { ada: ['oh', 'oh', ...lines(900)] };
    assert.deepEqual(notes(planned({ poems: joined, settings: { schedule: '0 * * * *' } })), []);
    const poems = { ada: ['oh', 'a', 'b', 'oh'] };
    const ends = planned({ poems, settings: { schedule: '0 * * * *', atEnd: 'stop' } });
    const made = ends.posts.map(({ at }) => at);
    const slots = Math.floor(((made.at(-1) ?? 0) - (made[0] ?? 0)) / hour) + 1;
    assert.deepEqual(slotsOf(ends), [`${slots - made.length} of ${slots} slots pass without a post`]);
  });

  it('says of a budget besides what it is that holds the bot back', () => {
    const settings = { schedule: '0 * * * *', bots: { ada: { budget: { postsPerDay: 3 } } } };
    assert.match(
      notes(planned({ poems: { ada: lines(2) }, settings })).join('\n'),
      /^ada: its budget of .*\nada: X refuses repetitions, \d+ times in all$/,
    );
  });
});
