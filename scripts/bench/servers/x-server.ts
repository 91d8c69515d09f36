/**
 * Answers every post as X does, without checks, the same for all competitors. It has a port for each combination of plain or
 * TLS, and quick or slow. Arguments: the files of a TLS key and certificate, if there are any.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { answerQuestions } from '../questions.ts';

/** The time that the slow X takes. Milliseconds. */
const latency = 80;

const question = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('ports') }),
  /** The number of posts, when it is at least `reach`, or after `within` milliseconds. */
  z.object({ ask: z.literal('count'), reach: z.number(), within: z.number() }),
  /** Starts to record posts. */
  z.object({ ask: z.literal('note') }),
  /** The recorded posts: account, time of the request, time of the answer. */
  z.object({ ask: z.literal('noted') }),
]);

let posts = 0;
let noted: [account: number, came: number, answered: number][] | undefined;
let reached: { count: number; resolve: () => void } | undefined;

function handle(delay: number): http.RequestListener {
  return (request, response) => {
    const came = Date.now();
    request.resume();
    request.once('end', () => {
      if (delay === 0) answer(request, response, came);
      else setTimeout(answer, delay, request, response, came);
    });
  };
}

function answer(request: http.IncomingMessage, response: http.ServerResponse, came: number): void {
  if (request.method === 'GET') {
    // An empty timeline, which flockd reads before its first post.
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end('{"meta":{"result_count":0}}');
    return;
  }
  posts++;
  response.writeHead(201, {
    'content-type': 'application/json; charset=utf-8',
    'x-rate-limit-limit': '100',
    'x-rate-limit-remaining': '99',
    'x-rate-limit-reset': '2000000000',
    'x-response-time': '61',
  });
  const id = `189${String(posts).padStart(16, '0')}`;
  response.end(
    `{"data":{"edit_history_tweet_ids":["${id}"],"id":"${id}","text":"the tide comes in by itself"}}`,
  );
  if (noted) {
    const account = /oauth_token="(\d+)-/.exec(request.headers.authorization ?? '')?.[1];
    noted.push([Number(account), came, Date.now()]);
  }
  if (reached && posts >= reached.count) reached.resolve();
}

async function reach(count: number, within: number): Promise<void> {
  if (posts >= count) return;
  await new Promise<void>((resolve) => {
    reached = { count, resolve };
    setTimeout(resolve, within);
  });
  reached = undefined;
}

function listen(server: http.Server): Promise<number> {
  // Keeps the idle sockets of a competitor between two of its turns.
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const [keyFile, certificateFile] = process.argv.slice(2);
const tls =
  keyFile !== undefined && certificateFile !== undefined
    ? { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
    : undefined;
const ports = Promise.all([
  ...[0, latency].map((delay) => listen(http.createServer(handle(delay)))),
  ...(tls ? [0, latency].map((delay) => listen(https.createServer(tls, handle(delay)))) : []),
]);

answerQuestions(async (asked) => {
  const what = question.parse(asked);
  switch (what.ask) {
    case 'ports': {
      const [plain, slow, secure, secureSlow] = await ports;
      return { plain, slow, secure, secureSlow };
    }
    case 'count':
      await reach(what.reach, what.within);
      return { posts, at: performance.now() };
    case 'note':
      noted = [];
      return {};
    case 'noted': {
      const answer = noted ?? [];
      noted = undefined;
      return answer;
    }
  }
});
