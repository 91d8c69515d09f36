import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

/** Every way out of the process that Node has; HTTP, TLS and `fetch` all go through them. */
const waysOut: readonly (readonly [owner: object, names: RegExp])[] = [
  [net.Socket.prototype, /^connect$/],
  [dgram.Socket.prototype, /^(connect|send|sendto)$/],
  ...[dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype].map(
    (owner) => [owner, /^(lookup|resolve|reverse)/] as const,
  ),
];

/**
 * Takes the network away from this process: from now on whoever connects, sends or looks up a name gets an error, and no
 * byte leaves. Disposing of the result gives it back.
 */
export function takeNetworkAway(): Disposable {
  const taken = waysOut.flatMap(([owner, names]) =>
    Object.entries(Object.getOwnPropertyDescriptors(owner))
      .filter(([name]) => names.test(name))
      .map(([name, was]) => ({ owner, name, was })),
  );
  for (const { owner, name, was } of taken) Object.defineProperty(owner, name, { ...was, value: refuse });
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      for (const { owner, name, was } of taken) Object.defineProperty(owner, name, was);
      syncBuiltinESMExports();
    },
  };
}

function refuse(): never {
  throw new Error('a rehearsal has no network');
}
