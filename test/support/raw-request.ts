import { connect } from 'node:net';

/** What a server answers to a GET that names these hosts, each in a header of its own. */
export function askWithHosts(
  { hostname, port, pathname, search }: URL,
  hosts: readonly string[],
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const lines = [
        `GET ${pathname}${search} HTTP/1.1`,
        ...hosts.map((host) => `Host: ${host}`),
        'Connection: close',
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(answer);
    });
  });
}
