// Answers and errors of an upstream, packed as nobody asked for: a few kilobytes that unpack to gigabytes. Little is unpacked, and others go on.
// Never unpacks one here.

import type { Buffer } from "node:buffer";
import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress, type BrotliCompress } from "node:zlib";
import { feelPulse, pulseFinding, type Finding, type OwnTarget, type Report } from "./attack.ts";
import { watchMemory } from "./memory.ts";
import { startRawUpstream } from "./raw-upstream.ts";
import { callOf, CONVERTED, endOf, post, WAYS, wayName, type Way } from "./requests.ts";

const MEBIBYTE = 1024 * 1024;
/** An answer may be 256 MiB; what is made of it comes on top. */
const MEMORY_MIB = 700;
const END_MS = 10_000;

type Packer = Pick<BrotliCompress, "write" | "end" | "on" | "once">;

const PACKERS: Readonly<Record<string, { readonly mebibytes: number; readonly packer: () => Packer }>> = {
  br: { mebibytes: 1024, packer: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }) },
  gzip: { mebibytes: 512, packer: () => createGzip({ level: 1 }) },
  deflate: { mebibytes: 512, packer: () => createDeflate({ level: 1 }) },
  zstd: { mebibytes: 1024, packer: () => createZstdCompress() },
};

/** What unpacks: white space, as JSON and event streams take it, then nothing. */
async function bomb(name: string): Promise<Buffer> {
  const { mebibytes, packer } = PACKERS[name] ?? { mebibytes: 0, packer: createGzip };
  const stream = packer();
  const chunks: Uint8Array[] = [];
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("error", reject);
  });
  const piece = new Uint8Array(MEBIBYTE).fill(0x0a);
  for (let count = 0; count < mebibytes; count++) {
    if (!stream.write(piece)) await new Promise<void>((resolve) => stream.once("drain", resolve));
  }
  stream.end();
  await ended;
  return globalThis.Buffer.concat(chunks);
}

interface Case {
  readonly name: string;
  readonly status: number;
  readonly type: string;
  readonly stream: boolean;
}

const CASES: readonly Case[] = [
  { name: "an answer", status: 200, type: "application/json", stream: false },
  { name: "a stream", status: 200, type: "text/event-stream", stream: true },
  { name: "an error", status: 500, type: "application/json", stream: false },
];

export async function attack({ start, key }: OwnTarget): Promise<Report> {
  let packed: Buffer | null = null;
  let coding = "";
  let playing: Case | undefined;
  const upstream = await startRawUpstream((response) => {
    response.writeHead(playing?.status ?? 200, { "content-type": playing?.type ?? "", "content-encoding": coding });
    response.end(packed);
  });
  try {
    const findings: Finding[] = [];
    for (const name of Object.keys(PACKERS)) {
      packed = await bomb(name);
      coding = name;
      for (const one of CASES) {
        playing = one;
        // Passed or converted, the bytes are unpacked in one place.
        for (const way of name === "br" ? WAYS : [CONVERTED])
          findings.push(...(await explode({ start, key }, { url: upstream.url, one, way, coding, size: packed.length })));
      }
    }
    return findings;
  } finally {
    upstream.stop();
  }
}

interface Explosion {
  readonly url: string;
  readonly one: Case;
  readonly way: Way;
  readonly coding: string;
  readonly size: number;
}

async function explode(
  { start, key }: Pick<OwnTarget, "start" | "key">,
  { url: base, one, way, coding, size }: Explosion,
): Promise<Report> {
  const gateway = start({ env: { FACTORY_BASE_URL: base, UPSTREAM_FIRST_BYTE_TIMEOUT: "10" } });
  const url = await gateway.url;
  const memory = watchMemory(gateway.pid);
  const pulse = feelPulse(url);
  const startedMs = performance.now();
  const end = await endOf(post({ url, key }, callOf(way, { stream: one.stream }), { mostMs: END_MS }));
  const tookMs = Math.round(performance.now() - startedMs);
  const what = `${one.name}, ${Math.round(size / 1024)} KiB of ${coding}, ${wayName(way)}`;
  const findings = [
    {
      what: `${what}: the end`,
      expected: `an error in ${END_MS} ms`,
      came: `${end} in ${tookMs} ms`,
      held: isFault(end, way.client === way.upstream && one.status === 200) && tookMs < END_MS,
    },
    { ...pulseFinding(await pulse.stop()), what: `${what}: others wait for /health` },
    ...memory(what, MEMORY_MIB),
  ];
  gateway.signal("SIGKILL");
  return findings;
}

/** A long answer that passes has its head out before anybody can know: it breaks off. */
function isFault(end: string, isBroken: boolean): boolean {
  return /^50[0-4]\b|^200 with an error event/.test(end) || (isBroken && end.startsWith("broken"));
}
