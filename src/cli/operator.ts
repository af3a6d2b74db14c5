// What an administrator may have this process do: examine the machine, as the command `doctor` does, and read the configuration again.

import type { Store } from "../access/store.ts";
import { envFileOf } from "../config/source.ts";
import type { Operator } from "../http/admin/operator.ts";
import type { Context } from "./command.ts";
import type { Setup } from "./configuration.ts";
import { readConfiguration } from "./environment.ts";
import type { Reload } from "./reload.ts";
import { settingViews } from "./setting-views.ts";

export interface OperatorParts {
  readonly commandLine: readonly string[];
  readonly store: Store;
  readonly setup: () => Setup;
  /** Null: the importing program restarts this one itself. */
  readonly reload: () => Reload | null;
  /** Called when an administrator had the configuration read again. */
  readonly reloaded: () => void;
}

const NO_RELOAD = "Another program started this server. Restart that program.";

export function operatorOf({ commandLine, store, setup, reload, reloaded }: OperatorParts): Operator {
  return {
    async doctor() {
      const [{ examine }, { doctorWorld }] = await Promise.all([import("./doctor-examination.ts"), import("./doctor-world.ts")]);
      const { arguments: words } = setup().source;
      return examine(contextFor({ commandLine, store }), doctorWorld(), words.includes("--env-file") ? envFileOf(setup().source) : null);
    },
    reload() {
      const taken = reload()?.ask() ?? { changed: [], needRestart: [], fault: NO_RELOAD };
      reloaded();
      return taken;
    },
    settings: () => settingViews(setup()),
  };
}

/** Prints nothing. */
function contextFor({ commandLine, store }: Pick<OperatorParts, "commandLine" | "store">): Context {
  return {
    now: Date.now,
    isJson: true,
    config: () => readConfiguration(commandLine),
    envHere: () => null,
    store: () => Promise.resolve(store),
    print: () => {},
    show: () => {},
    note: () => {},
    ask: null,
    style: (_, text) => text,
    read: () => "",
  };
}
