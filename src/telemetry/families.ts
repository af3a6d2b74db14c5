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

export interface RowOptions<Row> {
  /** Their names, in the order of what `at` takes. */
  readonly labels: readonly string[];
  /** Those of a row where there is no room for a new one. */
  readonly beyond: (labels: Labels) => Labels;
  readonly make: () => Row;
  readonly mostRows: number;
}

/** What rows have in common whose first labels are the same. */
interface Branch<Row> {
  readonly next: Map<string, Branch<Row>>;
  row: Row | null;
}

/** As many rows as fit, each with its labels; what comes beyond them goes into rows of few labels that have all the rest. */
export class Rows<Row> {
  readonly #options: RowOptions<Row>;
  /** By one label after the other: a text of all of them would be made, and read again, for every call. */
  readonly #root: Branch<Row> = { next: new Map(), row: null };
  readonly #rows: { readonly labels: Labels; readonly row: Row }[] = [];
  readonly #beyond = new Map<string, Row>();

  constructor(options: RowOptions<Row>) {
    this.#options = options;
  }

  /** The values of the labels; an empty one is none. */
  at(...values: readonly string[]): Row {
    let branch: Branch<Row> | undefined = this.#root;
    for (let index = 0; index < values.length && branch !== undefined; index++) branch = branch.next.get(values[index] ?? "");
    return branch?.row ?? this.#new(values);
  }

  #new(values: readonly string[]): Row {
    const { labels: names, beyond, mostRows } = this.#options;
    const labels: Record<string, string> = {};
    for (const [index, name] of names.entries()) if (values[index]) labels[name] = values[index];
    if (this.#rows.length - this.#beyond.size < mostRows) {
      let branch = this.#root;
      for (const value of values) {
        const known = branch.next.get(value) ?? { next: new Map<string, Branch<Row>>(), row: null };
        branch.next.set(value, known);
        branch = known;
      }
      return (branch.row = this.#add(labels));
    }
    const coarse = beyond(labels);
    const id = JSON.stringify(Object.values(coarse));
    const row = this.#beyond.get(id) ?? this.#add(coarse);
    this.#beyond.set(id, row);
    return row;
  }

  #add(labels: Labels): Row {
    const row = this.#options.make();
    this.#rows.push({ labels, row });
    return row;
  }

  /** One sample a row; null leaves it out. */
  samples(value: (row: Row) => Sample["value"] | null, more: Labels = {}): Sample[] {
    const samples: Sample[] = [];
    for (const { labels, row } of this.#rows) {
      const found = value(row);
      if (found !== null) samples.push({ labels: { ...labels, ...more }, value: found });
    }
    return samples;
  }
}
