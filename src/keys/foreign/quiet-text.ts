import { parseDocument } from 'yaml';
import { FlockError } from '../../errors.ts';

/**
 * The value of a JSON or YAML text. In YAML every scalar is a string but null: a secret of digits alone is not a number.
 * The parsers' own messages quote the text, and so could print a secret; they go no further.
 *
 * @throws {FlockError} `data`, naming the file
 */
export function parseQuietly(text: string, file: string): unknown {
  const plain = text.replace(/^\ufeff/, '');
  const isJson = /^\s*[{["]/.test(plain);
  try {
    return isJson ? JSON.parse(plain) : parseYaml(plain);
  } catch {
    const why = isJson ? 'not whole JSON (cut off, or damaged)' : 'neither JSON nor YAML';
    throw new FlockError('data', `${file}: ${why}`, {
      hint: 'copy the file again, or make a new key: keymaker make-keys ./poems',
    });
  }
}

/** @throws {Error} where it is no YAML, or its aliases multiply */
function parseYaml(text: string): unknown {
  const document = parseDocument(text, { schema: 'failsafe', customTags: ['null'], logLevel: 'error' });
  const [error] = document.errors;
  if (error) throw error;
  return document.toJS({ maxAliasCount: 100 });
}
