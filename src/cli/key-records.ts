// What the commands about keys look up: records in the store and of PROXY_API_KEY, and models by any of their names.

import type { KeyRecord } from "../access/client-key.ts";
import { emptyRecord, NO_RULES, ROWS_WITHOUT_KEY } from "../access/key-changes.ts";
import { allRecords } from "../access/key-records.ts";
import { modelRule, type RuledModel } from "../access/limit-syntax.ts";
import type { Store } from "../access/store.ts";
import { GatewayError } from "../errors.ts";
import { LISTED, Models, type Target } from "../models/models.ts";
import { nearest } from "../models/nearest.ts";
import { CommandError, type Context } from "./command.ts";

export function environmentNames(context: Context): string[] {
  return context.config().proxyKeys.map(({ name }) => name);
}

/** See `allRecords`. */
export async function recordsIn(context: Context): Promise<readonly KeyRecord[]> {
  return allRecords({ store: await context.store(), named: environmentNames(context), nowMs: context.now() });
}

/** @throws CommandError where there is none of that name. */
export async function recordOf(name: string, context: Context): Promise<KeyRecord> {
  const store = await context.store();
  const record = (await recordsIn(context)).find((one) => one.name === name);
  if (record !== undefined) return record;
  if (ROWS_WITHOUT_KEY.includes(name)) return { ...emptyRecord(name, context.now()), rules: NO_RULES };
  throw await unknownKey(name, store);
}

export async function unknownKey(name: string, store: Store): Promise<CommandError> {
  const names = (await store.keys()).map((record) => record.name);
  const [meant] = nearest(name, names, 2);
  return CommandError.failed(
    `Unknown key "${name}".${meant === undefined ? "" : ` Did you mean "${meant}"?`} Run \`factory-proxy keys list\` for a list.`,
  );
}

export interface NamedModel {
  readonly id: string;
  readonly target: Target;
  readonly ruled: RuledModel;
  /** Whether it is in the table. */
  readonly isKnown: boolean;
  /** A sentence for a person who meant another model. */
  readonly hint: string;
}

/** The model of that name. @throws CommandError for one that is surely misspelled */
export function modelNamed(name: string, context: Context): NamedModel {
  const models = modelsOf(context);
  try {
    const target = models.find(name);
    const id = target.model;
    const isKnown = models.knows(name);
    return { id, target, ruled: models.ruled(id), isKnown, hint: isKnown ? "" : asCommand(models.hintFor(name)) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw CommandError.wrongUse(asCommand(error.message));
  }
}

const LISTED_HERE = "Run `factory-proxy models` for a list.";

/** A person who types commands has a command that lists models. */
function asCommand(hint: string): string {
  return hint.replace(LISTED, LISTED_HERE);
}

/** Whether a glob matches a model of the table. */
export function globNamed(glob: string, context: Context): Pick<NamedModel, "isKnown" | "hint"> {
  const fits = modelRule([glob]);
  const models = modelsOf(context);
  const isKnown = models.list().some(({ id }) => fits(models.ruled(id)));
  return { isKnown, hint: LISTED_HERE };
}

function modelsOf(context: Context): Models {
  const { endpoints, models } = context.config();
  return new Models({ endpoints, models });
}
