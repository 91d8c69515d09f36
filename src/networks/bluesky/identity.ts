import * as z from 'zod';
import { isSafeAddress } from '../../http/exchange.ts';
import type { Failure } from '../network.ts';
import type { Answered, Xrpc } from './xrpc.ts';

/*
 * Who an account is and where its server is. Its handle can change and it can move to another server; its DID stays.
 */

/** The directory of `did:plc`. @see web.plc.directory */
export const plcDirectory = 'https://plc.directory';

/** A DID of an account. @see atproto.com/specs/did */
export const didText = z
  .string('is not a string')
  .regex(/^did:(?:plc:[2-7a-z]{24}|web:[a-z0-9.-]+(?:%3A[0-9]{1,5})?)$/, 'is not a DID');

const document = z.object({
  id: z.string(),
  service: z.array(z.object({ id: z.string(), type: z.string(), serviceEndpoint: z.unknown() })).catch([]),
});

/** The server of an account in its DID document, without a trailing slash; undefined if there is none that is safe. */
export function serverIn(doc: unknown, did: string): string | undefined {
  const found = document.safeParse(doc).data;
  if (found?.id !== did) return undefined;
  const service = found.service.find(
    ({ id, type }) => /^(did:.*)?#atproto_pds$/.test(id) && type === 'AtprotoPersonalDataServer',
  );
  const endpoint = service?.serviceEndpoint;
  return typeof endpoint === 'string' && isSafeAddress(endpoint) ? endpoint.replace(/\/+$/, '') : undefined;
}

/** The server of an account, from its DID. @param directory - of `did:plc`, without a trailing slash */
export async function serverOf(xrpc: Xrpc, directory: string, did: string): Promise<Answered<string>> {
  const [server, name] = placeOf(did, directory);
  const found = await xrpc({ server, method: 'GET', name, answer: z.unknown() });
  if ('failure' in found) return found;
  const address = serverIn(found.ok, did);
  const failure: Failure = { kind: 'suspended', reason: `${did} names no server that holds its account` };
  return address === undefined ? { failure } : { ok: address };
}

/** Where the document of a DID is. @see atproto.com/specs/did; a port is for tests on this machine */
function placeOf(did: string, directory: string): [server: string, path: string] {
  if (did.startsWith('did:plc:')) return [directory, `/${did}`];
  const host = decodeURIComponent(did.slice('did:web:'.length));
  const scheme = /^(localhost|127\.0\.0\.1):/.test(host) ? 'http' : 'https';
  return [`${scheme}://${host}`, '/.well-known/did.json'];
}
