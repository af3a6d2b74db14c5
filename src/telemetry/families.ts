// Metrics as data: what is counted and under which labels, independent of any format.
// Never knows a format.

export interface Family {
  readonly name: string;
  readonly help: string;
  /** In UCUM: `s`, `By`, `{token}`; `1` for a plain number. */
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
  /** Upper bounds of the buckets, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** Values in each bucket by itself; the last bucket has no upper bound. */
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

  /** Adds what another histogram with the same bounds has counted. */
  merge({ counts, sum, count }: Histogram): void {
    for (const [bucket, more] of counts.entries()) this.counts[bucket] = (this.counts[bucket] ?? 0) + more;
    this.sum += sum;
    this.count += count;
  }
}

export interface RowOptions<Row> {
  /** Names of the labels, in the order of `at`'s arguments. */
  readonly labels: readonly string[];
  /** The labels of the row that takes what does not fit. */
  readonly beyond: (labels: Labels) => Labels;
  readonly make: () => Row;
  readonly mostRows: number;
}

/** Rows that share their first labels. */
interface Branch<Row> {
  readonly next: Map<string, Branch<Row>>;
  row: Row | null;
}

/** Rows by their labels, up to a limit; beyond it, values go to rows with few labels that hold all the rest. */
export class Rows<Row> {
  readonly #options: RowOptions<Row>;
  /** Nested by one label after the other: a combined key would have to be built and hashed for every call. */
  readonly #root: Branch<Row> = { next: new Map(), row: null };
  readonly #rows: { readonly labels: Labels; readonly row: Row }[] = [];
  readonly #beyond = new Map<string, Row>();

  constructor(options: RowOptions<Row>) {
    this.#options = options;
  }

  /** The values of the labels; an empty one is left out. */
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

  /** One sample a row; null leaves the row out. */
  samples(value: (row: Row) => Sample["value"] | null, more: Labels = {}): Sample[] {
    const samples: Sample[] = [];
    for (const { labels, row } of this.#rows) {
      const found = value(row);
      if (found !== null) samples.push({ labels: { ...labels, ...more }, value: found });
    }
    return samples;
  }
}
