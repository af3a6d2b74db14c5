// What an administrator sees of calls and does to them, in whichever process on this port they run.
// Never asks the other processes while nobody is watching.

import type { UsageRow } from "../access/store.ts";
import type { After, Peers, Question } from "../runtime/ports.ts";
import type { CallInspection, OwnCalls } from "./inspection.ts";
import type { LiveCall, LiveCalls, LiveEvent, LiveSecond } from "./live-calls.ts";

type Live = ReturnType<LiveCalls["live"]>;
type Change = Exclude<LiveEvent, { readonly type: "tick" }>;

export interface CallViewsPorts {
  readonly own: OwnCalls;
  /** Null: there are no other processes. */
  readonly peers: Peers | null;
  /** Does not keep the process alive. */
  readonly after: After;
}

/** What one process reports of its calls to another that polls each second. */
interface Told {
  readonly changes: readonly Change[];
  readonly calls: readonly LiveCall[];
}

interface Listening {
  readonly changes: Change[];
  readonly unwatch: () => void;
  cancelTimer: () => void;
}

/** A process that has not polled for this long no longer watches. */
const LISTENING_MS = 5000;
/** Changes kept for a process that polls each second; the calls themselves are reported in any case. */
const MOST_CHANGES = 2000;

export class CallViews {
  readonly #ports: CallViewsPorts;
  /** By the polling process. */
  readonly #listening = new Map<number, Listening>();

  constructor(ports: CallViewsPorts) {
    this.#ports = ports;
    const { own, peers } = ports;
    peers?.answers("live", () => own.live());
    peers?.answers("changes", ({ asker }) => this.#tell(Number(asker)));
    peers?.answers("cancel", ({ id }) => own.cancel(String(id)));
    peers?.answers("waiting", ({ id }) => own.waiting(String(id)));
    peers?.answers("inspection", ({ id }) => own.inspection(String(id)));
    peers?.answers("inspected", ({ ids }) => (Array.isArray(ids) ? this.#inspectedHere(ids.map(String)) : []));
  }

  async live(): Promise<Live> {
    const all = [this.#ports.own.live(), ...(await this.#ask<Live>({ about: "live" }))];
    return { calls: inOrder(all.flatMap(({ calls }) => calls)), minute: sumOf(all.map(({ minute }) => minute)) };
  }

  /** As `LiveCalls.watch`; changes in other processes are reported once a second. */
  watch(listener: (event: LiveEvent) => void): () => void {
    const { own, peers } = this.#ports;
    if (peers === null) return own.watch(listener);
    let isOver = false;
    const unwatch = own.watch((event) => {
      if (event.type !== "tick") return listener(event);
      void this.#ask<Told>({ about: "changes", asker: peers.index }).then((others) => {
        if (isOver) return;
        for (const change of others.flatMap(({ changes }) => changes)) listener(change);
        listener({ type: "tick", calls: inOrder([event.calls, ...others.map(({ calls }) => calls)].flat()) });
      });
    });
    return () => {
      isOver = true;
      unwatch();
    };
  }

  /** False: there is no call with this id. */
  async cancel(id: string): Promise<boolean> {
    return this.#ports.own.cancel(id) || (await this.#ask<boolean>({ about: "cancel", id })).includes(true);
  }

  async inspection(id: string): Promise<CallInspection | null> {
    return this.#ports.own.inspection(id) ?? this.#firstOf<CallInspection>({ about: "inspection", id });
  }

  /** The row of a call that has just ended. Null: the store has it, or there is none. */
  async waiting(id: string): Promise<UsageRow | null> {
    return this.#ports.own.waiting(id) ?? this.#firstOf<UsageRow>({ about: "waiting", id });
  }

  /** Calls of which anything is kept. */
  async inspected(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const others = await this.#ask<string[]>({ about: "inspected", ids });
    return new Set([...this.#inspectedHere(ids), ...others.flat()]);
  }

  #inspectedHere(ids: readonly string[]): string[] {
    return ids.filter((id) => this.#ports.own.isInspected(id));
  }

  async #firstOf<Answer>(question: Question): Promise<Answer | null> {
    return (await this.#ask<Answer | null>(question)).find((one) => one !== null) ?? null;
  }

  async #ask<Answer>(question: Question): Promise<readonly Answer[]> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the others are this very program
    return (await (this.#ports.peers?.ask(question) ?? [])) as readonly Answer[];
  }

  #tell(asker: number): Told {
    const { own, after } = this.#ports;
    const known = this.#listening.get(asker);
    known?.cancelTimer();
    const listening = known ?? this.#listen();
    this.#listening.set(asker, listening);
    listening.cancelTimer = after(LISTENING_MS, () => {
      this.#listening.delete(asker);
      listening.unwatch();
    });
    return { changes: listening.changes.splice(0), calls: own.live().calls };
  }

  #listen(): Listening {
    const changes: Change[] = [];
    const unwatch = this.#ports.own.watch((event) => {
      if (event.type !== "tick" && changes.length < MOST_CHANGES) changes.push(event);
    });
    return { changes, unwatch, cancelTimer: () => {} };
  }
}

function inOrder(calls: readonly LiveCall[]): LiveCall[] {
  return calls.toSorted((one, other) => (one.startedAt < other.startedAt ? -1 : one.startedAt > other.startedAt ? 1 : 0));
}

function sumOf([first = [], ...others]: readonly (readonly LiveSecond[])[]): LiveSecond[] {
  return first.map((second, at) =>
    others.reduce((sum, minute) => {
      const { calls, errors, outputTokens } = minute[at] ?? { calls: 0, errors: 0, outputTokens: 0 };
      return { calls: sum.calls + calls, errors: sum.errors + errors, outputTokens: sum.outputTokens + outputTokens };
    }, second),
  );
}
