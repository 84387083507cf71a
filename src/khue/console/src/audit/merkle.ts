/** Proofs of the audit log's tree, checked in the browser: RFC 9162, section 2.1.3.2. */

async function hash(...parts: Uint8Array[]): Promise<Uint8Array> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const NODE = Uint8Array.of(1);

/**
 * The root that an inclusion proof leads to: from the leaf's hash at `index` of a tree of `size` leaves, with the hashes
 * beside its way up. null when the proof has the wrong length.
 */
export async function rootOf(
  index: number,
  size: number,
  leaf: Uint8Array,
  path: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  if (index >= size) return null;
  let [fn, sn, root] = [index, size - 1, leaf];
  for (const beside of path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      root = await hash(NODE, beside, root);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else root = await hash(NODE, root, beside);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? root : null;
}

/** Bytes of a hash written in hexadecimal or base64. */
export function bytes(written: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(written))
    return Uint8Array.from({ length: 32 }, (_, at) => parseInt(written.slice(at * 2, at * 2 + 2), 16));
  return Uint8Array.from(atob(written), (char) => char.charCodeAt(0));
}

export const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);
