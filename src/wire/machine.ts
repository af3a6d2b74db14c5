// Pure step machines: the shape of everything that turns one stream of values into another.
// Does not wait, read or write anything.

/** A pure step machine: takes values, emits values, and emits what is left at the end. `end` is called once, after the last step. */
export interface Machine<In, Out> {
  step(input: In): readonly Out[];
  end(): readonly Out[];
}

/** Feeds the output of `first` into `second`. */
export function chain<A, B, C>(first: Machine<A, B>, second: Machine<B, C>): Machine<A, C> {
  const feed = (values: readonly B[]): C[] => {
    const out: C[] = [];
    for (const value of values) for (const result of second.step(value)) out.push(result);
    return out;
  };
  return {
    step: (input) => feed(first.step(input)),
    end: () => [...feed(first.end()), ...second.end()],
  };
}

/** Everything that a machine emits for the given inputs, including its end. */
export function run<In, Out>(machine: Machine<In, Out>, inputs: Iterable<In>): Out[] {
  const out: Out[] = [];
  for (const input of inputs) for (const value of machine.step(input)) out.push(value);
  for (const value of machine.end()) out.push(value);
  return out;
}
