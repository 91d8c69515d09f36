const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** Whether what is sent there can be overheard by nobody: https, or plain http that stays on this machine. */
export const isPrivateWay = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));

/** Whether a text is such an address, without a name and a password in it. */
export function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && isPrivateWay(url);
}
