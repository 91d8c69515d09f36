/*
 * Runs @atproto/pds on this machine, with a directory of DIDs in memory, until standard input ends.
 *
 *   node server.js PACKAGES PORT DATA FRONT
 *
 * FRONT is the port by which it is known: another one if a proxy stands before it. Prints a line of JSON once both answer: {"server", "directory", "adminPassword"}.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const [packages = '', port = '', data = '', front = port] = process.argv.slice(2);
const require = createRequire(path.resolve(packages, 'package.json'));
const fromPds = createRequire(require.resolve('@atproto/pds'));
const pds = require('@atproto/pds');
const plc = fromPds('@did-plc/lib');

/** The operations of each DID, oldest first. */
const operations = new Map();

/** What the directory knows of a DID, from its last operation. */
const dataOf = (did) => plc.opToData(did, operations.get(did).at(-1));

const directory = createServer((request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
  const [did = '', part = '', last = ''] = decodeURIComponent(request.url ?? '')
    .slice(1)
    .split('/');
  const known = operations.get(did);
  if (request.method === 'POST')
    void text(request).then((body) => {
      operations.set(did, [...(known ?? []), JSON.parse(body)]);
      answer(200, {});
    });
  else if (!known) answer(404, { message: `DID not registered: ${did}` });
  else if (part === 'log') answer(200, last === 'last' ? known.at(-1) : known);
  else answer(200, part === 'data' ? dataOf(did) : plc.formatDidDoc(dataOf(did)));
});
directory.listen(0, '127.0.0.1');
await once(directory, 'listening');
const directoryUrl = `http://127.0.0.1:${directory.address().port}`;

const secret = () => randomBytes(32).toString('hex');
const adminPassword = secret();
Object.assign(process.env, {
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: front,
  PDS_DEV_MODE: '1',
  PDS_INVITE_REQUIRED: '0',
  PDS_RATE_LIMITS_ENABLED: '1',
  PDS_DATA_DIRECTORY: data,
  PDS_BLOBSTORE_DISK_LOCATION: path.join(data, 'blobs'),
  PDS_DID_PLC_URL: directoryUrl,
  PDS_DISABLE_SSRF_PROTECTION: '1',
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: secret(),
  PDS_JWT_SECRET: secret(),
  PDS_DPOP_SECRET: secret(),
  PDS_ADMIN_PASSWORD: adminPassword,
  LOG_ENABLED: '0',
});
const env = pds.readEnv();
const settings = pds.envToCfg(env);
settings.service.port = Number(port);
const server = await pds.PDS.create(settings, pds.envToSecrets(env));
await server.start();
console.log(JSON.stringify({ server: `http://localhost:${front}`, directory: directoryUrl, adminPassword }));

process.stdin.resume();
await once(process.stdin, 'end');
process.exit(0);
