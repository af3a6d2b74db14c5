// Metrics as data: what is counted, under which labels, whoever reads it then.
// Never knows a format.

export interface Family {
  readonly name: string;
  readonly help: string;
  /** As UCUM has it: `s`, `By`, `{token}`; `1` for what has none. */
  readonly unit: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number | Histogram;
}

export class Histogram {
  /** Upper ends of the buckets, included in them, the smallest first. */
  readonly bounds: readonly number[];
  /** How many values are in each bucket alone; the last one has no end. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count++;
  }

  /** Takes over what another one of the same bounds has counted. */
  merge({ counts, sum, count }: Histogram): void {
    for (const [bucket, more] of counts.entries()) this.counts[bucket] = (this.counts[bucket] ?? 0) + more;
    this.sum += sum;
    this.count += count;
  }
}

/** As many rows as fit, each with its labels; what comes beyond them goes into rows of few labels that have all the rest. */
export class Rows<Row> {
  readonly #make: () => Row;
  readonly #mostRows: number;
  readonly #rows = new Map<string, { readonly labels: Labels; readonly row: Row }>();

  constructor(make: () => Row, mostRows: number) {
    this.#make = make;
    this.#mostRows = mostRows;
  }

  /** `id` stands for the labels. `beyond` are those where there is no room for a new row. */
  at(id: string, labels: Labels, beyond: Labels): Row {
    const known = this.#rows.get(id);
    if (known !== undefined) return known.row;
    if (this.#rows.size < this.#mostRows) return this.#add(id, labels);
    const coarseId = `beyond\n${Object.values(beyond).join("\n")}`;
    return this.#rows.get(coarseId)?.row ?? this.#add(coarseId, beyond);
  }

  #add(id: string, labels: Labels): Row {
    const row = this.#make();
    this.#rows.set(id, { labels, row });
    return row;
  }

  /** One sample a row; null leaves it out. */
  samples(value: (row: Row) => Sample["value"] | null, more: Labels = {}): Sample[] {
    const samples: Sample[] = [];
    for (const { labels, row } of this.#rows.values()) {
      const found = value(row);
      if (found !== null) samples.push({ labels: { ...labels, ...more }, value: found });
    }
    return samples;
  }
}
