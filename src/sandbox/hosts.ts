const allowed = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is one the sandbox goes by. A page elsewhere can point a name of its own
 * at 127.0.0.1 (DNS rebinding), but it cannot make the browser send another name than that.
 */
export function isKnownHost(host: string): boolean {
  return allowed.test(host);
}
