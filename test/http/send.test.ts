import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { type HttpAnswer, NoAnswer } from '../../src/http/exchange.ts';
import { openNode, openSender } from '../../src/http/send.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { ownPort } from '../support/own-port.ts';

/** Of exchanges that end by themselves, and of those that their deadline ends. Milliseconds. */
const longest = 600_000;
const shortest = 2_000;

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that answers each connection's first bytes with these, and then does as it is told. */
const rawServer = (onRequest: (socket: Socket) => void): Promise<number> =>
  listen(
    net.createServer((socket) => socket.on('error', () => undefined).once('data', () => onRequest(socket))),
  );

const httpServer = async (answer: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(answer))}/x`;

const senders = {
  undici: openSender,
  'the client of Node itself': (options: Parameters<typeof openSender>[0]) => openSender(options, openNode),
};

for (const [name, open] of Object.entries(senders)) {
  describe(`through ${name}`, () => {
    async function ask(url: string, wait = longest): Promise<HttpAnswer> {
      await using sender = open({ deadline: wait, sockets: 2 });
      return await sender.send({
        method: 'POST',
        url,
        headers: { 'x-mark': 'rain' },
        body: '{"text":"tin"}',
      });
    }

    async function failure(url: string, wait = longest): Promise<NoAnswer> {
      const error: unknown = await ask(url, wait).then(
        (answer) => assert.fail(`an answer: ${answer.status}`),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof NoAnswer, String(error));
      return error;
    }

    describe('an answer', () => {
      it('comes as it is, whatever its status', async () => {
        const seen: unknown[] = [];
        const url = await httpServer((request, response) => {
          seen.push([
            request.method,
            request.url,
            request.headers['x-mark'],
            request.headers['accept-encoding'],
          ]);
          response
            .writeHead(503, { 'X-Rate-Limit-Reset': '7', 'set-cookie': ['a=1', 'b=2'] })
            .end('caf\u00e9');
        });
        const answer = await ask(`${url}?q=1`);
        assert.deepEqual(
          [answer.status, answer.body, answer.headers['x-rate-limit-reset']],
          [503, 'caf\u00e9', '7'],
        );
        assert.equal(answer.headers['set-cookie'], 'a=1, b=2');
        assert.deepEqual(seen, [['POST', '/x?q=1', 'rain', 'identity']]);
      });

      it('of a redirect is the redirect', async () => {
        let asked = 0;
        const url = await httpServer((request, response) => {
          asked++;
          response.writeHead(302, { location: `http://${request.headers.host ?? ''}/elsewhere` }).end();
        });
        assert.equal((await ask(url)).status, 302);
        assert.equal(asked, 1);
      });

      it('that was compressed unasked is not unpacked', async () => {
        const url = await httpServer((_, response) =>
          response.writeHead(201, { 'content-encoding': 'gzip' }).end(gzipSync('{"data":{"id":"1"}}')),
        );
        const answer = await ask(url);
        assert.equal(answer.status, 201);
        assert.doesNotMatch(answer.body, /data/);
      });

      it('of no end is not read to it', async () => {
        const url = await httpServer((_, response) => {
          response.writeHead(200);
          for (let n = 0; n < 6; n++) response.write(Buffer.alloc(1024 * 1024, 97));
          response.end();
        });
        assert.equal((await failure(url)).sent, true);
      });

      it('is never asked for twice', async () => {
        let asked = 0;
        const port = await rawServer((socket) => {
          asked++;
          socket.destroy();
        });
        await failure(`http://127.0.0.1:${port}/x`);
        assert.equal(asked, 1);
      });
    });

    describe('no answer, with the request certainly not sent', () => {
      it('where nobody listens', async () => {
        const error = await failure(`http://127.0.0.1:${await ownPort()}/x`);
        assert.equal(error.sent, false);
        assert.match(error.message, /cannot reach 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/);
      });

      it('where the name is nobody’s', async () => {
        const error = await failure('http://no-such-host.invalid/x');
        assert.equal(error.sent, false);
        assert.match(error.message, /cannot reach no-such-host\.invalid \((ENOTFOUND|EAI_AGAIN)\)/);
      });

      it('where TLS is spoken to a server that does not speak it', async () => {
        const port = await listen(createServer());
        assert.equal((await failure(`https://127.0.0.1:${port}/x`)).sent, false);
      });

      it('where the certificate is nobody’s we know', async () => {
        const port = await listen(tls.createServer(certificate()));
        const error = await failure(`https://127.0.0.1:${port}/x`);
        assert.equal(error.sent, false);
        assert.match(error.message, /DEPTH_ZERO|SELF_SIGNED|UNABLE_TO/);
      });
    });

    describe('no answer, and nobody knows whether the request was taken', { concurrency: true }, () => {
      const slow: [name: string, answer: string][] = [
        ['the server is silent', ''],
        ['it stops within the headers', 'HTTP/1.1 201 Created\r\ncontent-'],
        ['it stops within the body', 'HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{"data"'],
      ];
      for (const [name, answer] of slow) {
        it(`because ${name}`, async () => {
          const port = await rawServer((socket) => answer !== '' && socket.write(answer));
          const error = await failure(`http://127.0.0.1:${port}/x`, shortest);
          assert.equal(error.sent, true);
          assert.match(error.message, /within 2 s/);
        });
      }

      it('because the body trickles for longer than the whole may take', async () => {
        const port = await rawServer((socket) => {
          socket.write('HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n');
          const timer = setInterval(() => socket.write('x'), 20);
          socket.on('close', () => clearInterval(timer));
        });
        const error = await failure(`http://127.0.0.1:${port}/x`, shortest);
        assert.equal(error.sent, true);
        assert.match(error.message, /within 2 s/);
      });

      const cut: [name: string, answer: string][] = [
        ['before any answer', ''],
        ['within the headers', 'HTTP/1.1 201 Created\r\ncontent-'],
        ['within the body', 'HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{"data"'],
        ['within a chunk', 'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{"data"'],
        ['after what is no HTTP', 'SSH-2.0-lamp\r\n'],
      ];
      for (const [name, answer] of cut) {
        for (const how of ['end', 'resetAndDestroy'] as const) {
          it(`because the connection was ${how === 'end' ? 'closed' : 'reset'} ${name}`, async () => {
            const port = await rawServer((socket) => socket.write(answer, () => socket[how]()));
            const error = await failure(`http://127.0.0.1:${port}/x`);
            assert.equal(error.sent, true);
          });
        }
      }

      it('because TLS broke after the request was read', async () => {
        let read = '';
        const secure = tls.createServer(certificate(), (socket) => {
          socket.on('error', () => undefined);
          socket.on('data', (data: Buffer) => (read += data.toString()));
        });
        const behind = await listen(secure);
        // Stands between, and spoils the connection once the request has come through.
        const port = await listen(
          net.createServer((near) => {
            const far = net.connect(behind, '127.0.0.1');
            for (const socket of [near, far]) socket.on('error', () => undefined);
            near.pipe(far).pipe(near);
            secure.on('secureConnection', (socket) =>
              socket.once('data', () => near.end(Buffer.from(`1703030020${'5a'.repeat(32)}`, 'hex'))),
            );
          }),
        );
        const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
        process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
        try {
          const error = await failure(`https://127.0.0.1:${port}/x`);
          assert.match(read, /^POST \/x/);
          assert.equal(error.sent, true, error.message);
        } finally {
          if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
          else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
        }
      });
    });

    let made: { key: string; cert: string } | undefined;

    /** A certificate of our own for 127.0.0.1, made once. */
    function certificate(): { key: string; cert: string } {
      if (made) return made;
      const folder = tempFolder();
      const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
      const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const options = [
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ];
      execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', cert, ...subject], {
        stdio: 'ignore',
      });
      made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
      return made;
    }
  });
}
