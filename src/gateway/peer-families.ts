// Metrics of all processes on the port. Each sample names its process, so that one that restarts begins its own counts anew.
// Never adds up the counts of several processes.

import type { Peers } from "../runtime/ports.ts";
import { Histogram, type Family, type Sample } from "../telemetry/families.ts";
import { PREFIX } from "./call-metrics.ts";

/** What every process reports alike, from the store or from Factory. */
const ALIKE: ReadonlySet<string> = new Set(["budget_limit", "budget_remaining", "quota_used_ratio"].map((name) => PREFIX + name));

interface Answer {
  readonly index: number;
  /** With plain objects for histograms. */
  readonly families: readonly Family[];
}

/** This process's metrics and, under the label `worker`, those of the others; without others, this process's as they are. */
export class PeerFamilies {
  readonly #own: () => Promise<readonly Family[]>;
  readonly #peers: Peers | null;

  constructor(own: () => Promise<readonly Family[]>, peers: Peers | null) {
    this.#own = own;
    this.#peers = peers;
    peers?.answers("metrics", async () => ({ index: peers.index, families: await own() }) satisfies Answer);
  }

  async all(): Promise<readonly Family[]> {
    const peers = this.#peers;
    const own = await this.#own();
    if (peers === null) return own;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the others are this very program
    const others = (await peers.ask({ about: "metrics" })) as readonly Answer[];
    const all = new Map<string, Family>();
    const inOrder = [{ index: peers.index, families: own }, ...others].toSorted((one, other) => one.index - other.index);
    for (const { index, families } of inOrder) {
      for (const family of families) {
        if (ALIKE.has(family.name)) continue;
        const known = all.get(family.name)?.samples ?? [];
        all.set(family.name, { ...family, samples: [...known, ...family.samples.map((sample) => labelled(sample, index))] });
      }
    }
    return [...all.values(), ...own.filter(({ name }) => ALIKE.has(name))];
  }
}

function labelled({ labels, value }: Sample, index: number): Sample {
  return { labels: { ...labels, worker: String(index) }, value: typeof value === "number" ? value : histogramOf(value) };
}

function histogramOf(plain: Histogram): Histogram {
  const histogram = new Histogram(plain.bounds);
  histogram.merge(plain);
  return histogram;
}
