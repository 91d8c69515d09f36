import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** The files of src/ that each file imports, types included. */
const imports = new Map(
  files.map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(path.join(root, file), 'utf8'));
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
    return [file, own.map((name) => path.join(path.dirname(file), name))] as const;
  }),
);

function findCycle(file: string, way: readonly string[], done: Set<string>): readonly string[] | undefined {
  if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
  if (done.has(file)) return undefined;
  for (const next of imports.get(file) ?? []) {
    const cycle = findCycle(next, [...way, file], done);
    if (cycle) return cycle;
  }
  done.add(file);
  return undefined;
}

describe('the house', () => {
  it('has no import cycle', () => {
    const done = new Set<string>();
    for (const file of files) assert.equal(findCycle(file, [], done)?.join(' → '), undefined);
  });

  it('has no import that leads nowhere', () => {
    for (const [file, own] of imports) {
      for (const target of own) assert.ok(files.includes(target), `${file} imports ${target}`);
    }
  });
});
