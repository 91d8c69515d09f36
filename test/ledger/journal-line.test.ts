import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatLine, parseLine } from '../../src/ledger/journal.ts';

const whole = (record: object): string => formatLine(7, record).slice(0, -1);

describe('a line of the journal', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (record) => {
        const line = formatLine(1, record);
        assert.equal(line.indexOf('\n'), line.length - 1);
        assert.deepEqual(parseLine(line.slice(0, -1)), JSON.parse(JSON.stringify({ n: 1, ...record })));
      }),
    );
  });

  it('may hold what looks like its own end', () => {
    const record = { reason: '","crc":"00000000"}' };
    assert.deepEqual(parseLine(whole(record)), { n: 7, ...record });
  });

  it('shows every byte that was changed', () => {
    const bytes = Buffer.from(whole({ event: 'posted', bot: 'rain', id: '1846', reason: 'caf\u00e9' }));
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        assert.equal(parseLine(changed.toString('utf8')), undefined, `bit ${bit} of byte ${at}`);
      }
    }
  });

  it('shows every cut, and anything added', () => {
    const line = whole({ event: 'posted', bot: 'rain' });
    for (let length = 0; length < line.length; length++)
      assert.equal(parseLine(line.slice(0, length)), undefined);
    for (const added of [`${line}\n`, `${line} `, ` ${line}`, `${line}${line}`, `\u0000${line}`])
      assert.equal(parseLine(added), undefined);
  });
});
