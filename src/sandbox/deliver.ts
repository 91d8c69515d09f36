import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../clock.ts';
import type { SandboxAnswer } from './answer.ts';

/** Sends an answer, whole or spoiled as its fault says. */
export function deliver(answer: SandboxAnswer, response: ServerResponse, clock: Clock): void {
  const { fault } = answer;
  switch (fault?.kind) {
    case undefined:
      sendWhole(answer, response);
      return;
    case 'delay':
      later(clock, fault.ms, response, () => {
        sendWhole(answer, response);
      });
      return;
    case 'trickle':
      trickle(answer, response, clock, fault.ms);
      return;
    case 'drop':
      response.destroy();
      return;
    case 'hang':
      return;
    case 'cut':
      begin(answer, response, Buffer.byteLength(answer.body));
      response.write(firstHalf(Buffer.from(answer.body)), () => response.destroy());
      return;
    case 'gzip-cut':
      beginGzip(answer, response);
      response.end(firstHalf(gzipSync(answer.body)));
      return;
    case 'gzip-corrupt':
      beginGzip(answer, response);
      response.end(answer.body);
      return;
  }
}

function sendWhole(answer: SandboxAnswer, response: ServerResponse): void {
  begin(answer, response, Buffer.byteLength(answer.body));
  response.end(answer.body);
}

function begin({ status, headers }: SandboxAnswer, response: ServerResponse, length: number): void {
  response.writeHead(status, { ...headers, 'content-length': length });
}

/** Without a length the body ends where the server says so, and a client cannot see that some is missing. */
function beginGzip({ status, headers }: SandboxAnswer, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-encoding': 'gzip' });
}

const firstHalf = (body: Buffer): Buffer => body.subarray(0, Math.floor(body.length / 2));

function trickle(answer: SandboxAnswer, response: ServerResponse, clock: Clock, ms: number): void {
  const body = Buffer.from(answer.body);
  begin(answer, response, body.length);
  response.flushHeaders();
  const drip = (n: number): void => {
    if (n >= body.length) {
      response.end();
      return;
    }
    response.write(body.subarray(n, n + 1));
    later(clock, ms, response, () => {
      drip(n + 1);
    });
  };
  drip(0);
}

/** Acts when the time has come, unless the client has gone by then. */
function later(clock: Clock, ms: number, response: ServerResponse, act: () => void): void {
  const gone = clock.at(clock.now() + ms, () => {
    response.off('close', gone);
    act();
  });
  response.once('close', gone);
}
