/** Reads one bundle, and says what became of it: `node read-bundle.mjs FILE`. */
import path from 'node:path';
import { FlockError } from '../../src/errors.ts';
import { KeyStore } from '../../src/keys/store.ts';

const file = process.argv[2] ?? '';
try {
  await new KeyStore(path.dirname(file)).read(file);
  console.log('read');
} catch (error) {
  console.log(error instanceof FlockError ? `${error.exit} ${error.message}` : String(error));
}
