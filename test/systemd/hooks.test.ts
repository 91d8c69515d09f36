import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noGuest, runInGuest } from './guest.ts';

const server = `
  require('node:http').createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      response.end();
      console.log(request.method, request.url, body);
    });
  }).listen(4020, '127.0.0.1', () => console.log('up'));
`;

const settings = {
  schedule: '* * * * * *',
  atEnd: 'stop',
  settle: '2s',
  ping: 'http://127.0.0.1:4020/ping',
  hooks: [
    { on: ['parked'], run: ['/opt/tell'] },
    { on: ['parked'], post: 'http://127.0.0.1:4020/hook' },
  ],
};

const script = `
  . test/systemd/lib.sh
  setup 2 60
  printf '#!/bin/sh\\nexec cat >>/var/lib/flockd/told\\n' >/opt/tell
  chmod 0755 /opt/tell
  printf '%s' '${JSON.stringify(settings)}' >/etc/flockd/flock.json
  exec {ends}< <(exec node -e "$1")
  read -r _ <&"$ends"
  hear() { read -r line <&"$ends"; say "$line"; }
  suspend() { node -e 'fetch("http://127.0.0.1:4010/sandbox/accounts/$BOT/suspend".replace("$BOT", process.argv[1]), { method: "POST" })' "$1"; }

  suspend ada
  systemctl start flockd
  hear; hear
  await eval 'logged | grep -q hook-failed'
  logged | grep -o '"event":"hook-failed".*"msg"'
  [ ! -e /var/lib/flockd/told ]
  systemctl stop flockd

  dropin hooks '[Service]' 'ExecPaths=/opt/tell /bin/sh /bin/cat'
  systemctl start flockd
  hear
  suspend bea
  hear
  systemctl stop flockd
  say "told: $(cat /var/lib/flockd/told)"
  say "failures: $(logged | grep -c '"event":"hook-failed"')"
`;

describe('hooks under systemd', { skip: noGuest }, () => {
  it('reach the network as they are, and run commands that a drop-in allows', async () => {
    const { code, output } = await runInGuest(script, { args: [server] });
    assert.equal(code, 0, output);
    assert.match(output, /^GET \/ping *$/m);
    assert.match(output, /^POST \/hook \{"event":"parked","bot":"ada"/m);
    assert.match(output, /"hook":"hooks\.0","why":"flockd may not run it","hint":".*ExecPaths=/);
    assert.match(output, /^told: \{"event":"parked","bot":"bea",.*\}$/m);
    // What was wrong before the drop-in was said once, as flockd started.
    assert.match(output, /^failures: 1$/m);
  });
});
