import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { complete, type Places } from '../../src/cli/complete.ts';
import { manualOf } from '../../src/cli/manual.ts';
import { choir } from './small-program.ts';

const manual = await manualOf(choir);
const bots = ['-x', 'howl', 'hymn', 'psalm'];

/** What completes a line, the last word of which is under the cursor. */
function completed(line: string): string {
  const { candidates, paths } = complete(manual, line.split(' '), () => bots);
  const words = candidates.map(({ word }) => word).join(' ');
  return paths === 'none' ? words : `(${paths})${words}`;
}

const flags = '--loud --voice --also --tempo --provider --root --keys --identity --help --version';

describe('what could stand at the cursor', () => {
  const table: [line: string, candidates: string][] = [
    ['', 'sing walk hum hush help'],
    ['h', 'hum hush help'],
    ['-', '--help --version'],
    ['sin', 'sing'],
    ['dance', ''],
    ['dance ', ''],
    ['- ', ''],
    ['sing ', 'howl hymn psalm'],
    ['sing h', 'howl hymn'],
    ['sing x', ''],
    ['sing -', flags],
    ['sing --', flags],
    ['sing --lo', '--loud'],
    ['sing --nothing', ''],
    ['sing howl ', '(files)'],
    ['sing howl tape ', ''],
    ['sing howl tape -', flags],
    ['sing howl tape more ', ''],
    ['sing howl --loud tape --', flags.replace('--loud ', '')],
    ['sing --loud h', 'howl hymn'],
    ['sing --voice ', 'alto bass'],
    ['sing --voice a', 'alto'],
    ['sing --voice=', '--voice=alto --voice=bass'],
    ['sing --voice=b', '--voice=bass'],
    ['sing --voice alto h', 'howl hymn'],
    ['sing --voice=alto h', 'howl hymn'],
    ['sing --voice alto --v', '--version'],
    ['sing --voice=alto --v', '--version'],
    ['sing --also ', 'howl hymn psalm'],
    ['sing --also -', ''],
    ['sing --also=', '--also=-x --also=howl --also=hymn --also=psalm'],
    ['sing --also=-', '--also=-x'],
    ['sing --also howl --a', '--also'],
    ['sing -- ', '-x howl hymn psalm'],
    ['sing -- -', '-x'],
    ['sing -- -x ', '(files)'],
    ['sing -- -x -', '(files)'],
    ['sing -- -x tape ', ''],
    ['sing --tempo ', ''],
    ['sing --tempo 90 h', 'howl hymn'],
    ['sing --provider ', 'x flickr tumblr'],
    ['sing --root ', '(folders)'],
    ['sing --root=', '(folders)'],
    ['sing --root=/srv', '(folders)'],
    ['sing --identity ', '(files)'],
    ['sing --loud=', ''],
    ['sing --nothing=', ''],
    ['sing --nothing h', 'howl hymn'],
    ['sing -h h', 'howl hymn'],
    ['walk ', '(folders)'],
    ['walk poems ', ''],
    ['walk poems -', '--bot --help --version'],
    ['hum ', ''],
    ['hum -', '--help --version'],
    ['hum x', ''],
    ['hush ', 'bash zsh'],
    ['hush b', 'bash'],
    ['help w', 'walk'],
    ['help g', 'guide glossary'],
    ['help guide ', ''],
  ];
  for (const [line, candidates] of table) {
    it(`is ${candidates || 'nothing'} for ${JSON.stringify(line)}`, () => {
      assert.equal(completed(line), candidates);
    });
  }

  it('is a verb where there are no words at all', () => {
    assert.equal(complete(manual, [], () => bots).candidates.length, 5);
  });

  it('says what verbs and flags mean', () => {
    const about = (line: string): string[] =>
      complete(manual, line.split(' '), () => bots).candidates.map((candidate) => candidate.about);
    assert.deepEqual(about('su').concat(about('hum')), ['Hum']);
    assert.deepEqual(about('sing --lo'), ['as loud as can be']);
    assert.deepEqual(about('sing ho'), ['']);
  });
});

describe('the bots', () => {
  const nowhere = { root: undefined, keys: undefined, poems: undefined };
  const table: [line: string, places: Places | undefined][] = [
    ['sing ', nowhere],
    ['sing --root /srv ', { ...nowhere, root: '/srv' }],
    ['sing --root=/srv --keys=k=1 h', { ...nowhere, root: '/srv', keys: 'k=1' }],
    ['sing --root /old --root /new --also=h', { ...nowhere, root: '/new' }],
    ['sing -- ', nowhere],
    ['walk verses --bot ', { ...nowhere, poems: 'verses' }],
    ['sing --', undefined],
    ['sing --root ', undefined],
    ['si', undefined],
    ['sing howl ', undefined],
  ];
  for (const [line, places] of table) {
    it(`are ${places ? `looked for at ${JSON.stringify(places)}` : 'not looked for'} for ${JSON.stringify(line)}`, () => {
      const asked: Places[] = [];
      complete(manual, line.split(' '), (at) => {
        asked.push(at);
        return [];
      });
      assert.deepEqual(asked, places ? [places] : []);
    });
  }
});
