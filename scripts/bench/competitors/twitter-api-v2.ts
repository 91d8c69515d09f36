/** twitter-api-v2 as in its README. Only the address of api.x.com is changed, below the library. */
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { TwitterApi } from 'twitter-api-v2';
import { competeIn, keysOf, textOf } from './post-loop.ts';

const agent = https.globalAgent;

competeIn(({ base, bots }) => {
  const { protocol, port } = new URL(base);
  const place = { host: '127.0.0.1', port: Number(port) };
  const plain = (): net.Socket => net.connect(place).setNoDelay();
  const secure = (options: tls.ConnectionOptions): net.Socket =>
    tls.connect({ ...options, ...place }).setNoDelay();
  Object.assign(agent, { createConnection: protocol === 'http:' ? plain : secure });
  const clients = Array.from({ length: bots }, (_, bot) => new TwitterApi(keysOf(bot)));
  return {
    post: async (bot) => clients[bot]?.v2.tweet(textOf(bot)),
    close: () => {
      agent.destroy();
      return Promise.resolve();
    },
  };
});
