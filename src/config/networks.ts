// Networks of IP addresses: `10.0.0.0/8`, `fd00::/8`, a single address. Whether an address is in one.
// Never looks up a name.

export interface Network {
  /** 16 bytes; an IPv4 address in its IPv6 form. */
  readonly bytes: readonly number[];
  /** Number of significant bits. */
  readonly bits: number;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV4_BITS = 32;
const ALL_BITS = 128;
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const GROUPS = 8;

/** Null: not a network. */
export function parseNetwork(text: string): Network | null {
  const [address = "", length, ...more] = text.split("/");
  const bytes = bytesOf(address);
  if (bytes === null || more.length > 0) return null;
  if (length === undefined) return { bytes, bits: ALL_BITS };
  const most = IPV4.test(address) ? IPV4_BITS : ALL_BITS;
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : most + 1;
  return bits > most ? null : { bytes, bits: bits + ALL_BITS - most };
}

export function isWithin(address: string, networks: readonly Network[]): boolean {
  const bytes = networks.length === 0 ? null : bytesOf(address);
  return bytes !== null && networks.some((network) => holds(network, bytes));
}

/** What identifies everybody who may share an address's network: the address itself; for IPv6, its first half. */
export function neighbourhood(address: string): string {
  const bytes = bytesOf(address);
  if (bytes === null) return address;
  return (MAPPED.every((byte, at) => bytes[at] === byte) ? bytes.slice(MAPPED.length) : bytes.slice(0, ALL_BITS / 16)).join(".");
}

function holds({ bytes, bits }: Network, address: readonly number[]): boolean {
  return address.every((byte, at) => {
    const left = Math.min(8, Math.max(0, bits - at * 8));
    const mask = (0xff << (8 - left)) & 0xff;
    return (byte & mask) === ((bytes[at] ?? 0) & mask);
  });
}

/** Null: not an IP address. */
function bytesOf(text: string): number[] | null {
  const four = IPV4.exec(text)?.slice(1).map(Number);
  if (four !== undefined) return four.every((byte) => byte <= 0xff) ? [...MAPPED, ...four] : null;
  const address = text.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  // The last two groups may be in the form of an IPv4 address.
  const [, head = address, last] = /^(.*:)(\d[\d.]+\.\d+)$/.exec(address) ?? [];
  const tail = last === undefined ? [] : bytesOf(last)?.slice(MAPPED.length);
  if (tail === undefined) return null;
  const ownGroups = GROUPS - tail.length / 2;
  const [left = "", right, ...more] = (last === undefined ? address : head.replace(/(?<!:):$/, "")).split("::");
  const groups = (side: string): string[] => (side === "" ? [] : side.split(":"));
  const [before, behind] = [groups(left), groups(right ?? "")];
  const missing = ownGroups - before.length - behind.length;
  if (more.length > 0 || (right === undefined ? missing !== 0 : missing < 1)) return null;
  const all = [...before, ...Array.from({ length: right === undefined ? 0 : missing }, () => "0"), ...behind];
  if (!all.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  return [...all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]), ...tail];
}
