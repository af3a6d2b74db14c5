// Names for Factory keys that do not reveal them: the first digits of their SHA-256.
// Does not show a key, or hash one for each call: on Deno that takes as long as the rest of a call's bookkeeping.

const ID_LENGTH = 8;
/** How many keys are remembered, where each client brings its own. */
const MOST_KEPT = 1000;

/** Returns the id of a key in hex digits, and remembers both. */
export function keyIds(sha256: (text: string) => Uint8Array): (key: string) => string {
  const ids = new Map<string, string>();
  return (key) => {
    const known = ids.get(key);
    if (known !== undefined) return known;
    if (ids.size >= MOST_KEPT) ids.clear();
    const id = sha256(key).toHex().slice(0, ID_LENGTH);
    ids.set(key, id);
    return id;
  };
}
