// What two answers of an endpoint mean: one to a call with the system prompt, one to a call without.

import { FACTORY_KEY_PAGE } from "../config/factory-key.ts";
import type { Target } from "../models/models.ts";
import { fail, ok, warn, type Check } from "./doctor-check.ts";
import { unreachable } from "./doctor-host.ts";
import { isAnswered, type Answered, type Outcome } from "./doctor-request.ts";

export interface Tried {
  readonly id: Check["id"];
  readonly target: Target;
  /** The answers to the calls without and with the system prompt. */
  readonly bare: Outcome;
  readonly prompted: Outcome;
  /** Whether the server is configured to send the prompt. */
  readonly isPromptSent: boolean;
  /** The message of an answer, without keys. */
  readonly sentenceOf: (outcome: Outcome) => string;
}

export function verdict(tried: Tried): Check {
  const { id, target, bare, prompted, isPromptSent } = tried;
  if (!isAnswered(prompted)) return unreachable(id, new URL(target.url).origin, prompted);
  if (!isAnswered(bare)) return unreachable(id, new URL(target.url).origin, bare);
  const [isBareFine, isPromptedFine] = [isFine(bare), isFine(prompted)];
  if (isPromptedFine && isBareFine) return ok(id, `${target.model} works, with and without the system prompt.`);
  if (isPromptedFine && bare.status === FORBIDDEN) return gate(tried);
  if (isBareFine && prompted.status === FORBIDDEN) {
    const what = `${target.model} works without the system prompt, but gets 403 with it.`;
    const fix = "Set SYSTEM_PROMPT to an empty value.";
    return isPromptSent ? fail(id, what, { why: tried.sentenceOf(prompted), fix }) : ok(id, what);
  }
  // What counts is what the server itself sends.
  return refusal(tried, isPromptSent ? prompted : bare);
}

const FORBIDDEN = 403;

function isFine({ status }: Answered): boolean {
  return status >= 200 && status < 300;
}

/** Factory refuses clients that it does not take for its own program. */
function gate({ id, target, bare, isPromptSent, sentenceOf }: Tried): Check {
  if (isPromptSent)
    return ok(id, `${target.model} works. Without the system prompt Factory refuses it (403), so leave SYSTEM_PROMPT as it is.`);
  return fail(id, `Factory refuses ${target.model} (403) because SYSTEM_PROMPT is off.`, {
    why: sentenceOf(bare),
    fix: "Unset SYSTEM_PROMPT.",
  });
}

const OF_ORGANISATION = /security settings|opt-in|organi[sz]ation/i;
const OF_PROVIDER = /x-api-provider|provider/i;
const OVERLOADED = 500;

function refusal({ id, target, sentenceOf }: Tried, answer: Answered): Check {
  const { status } = answer;
  if (isFine(answer)) return warn(id, `${target.model} works, but not every time.`, { fix: "Try again." });
  const said = sentenceOf(answer);
  const why = said === "" ? null : `Factory says: ${said}`;
  if (status === 401) {
    return fail(id, "Factory rejects the key (401).", {
      why,
      fix: `Copy it again from ${FACTORY_KEY_PAGE}. Organisations in the EU need FACTORY_BASE_URL=https://api.eu.factory.ai`,
    });
  }
  if (status === 402)
    return fail(id, "The plan has reached a limit (402).", {
      why,
      fix: "Wait for the reset (see factory-proxy quota), or allow extra usage in Factory's settings.",
    });
  if (status === FORBIDDEN && OF_ORGANISATION.test(said)) {
    return warn(id, `Your organisation does not allow ${target.model} (403).`, {
      why,
      fix: "Ask an administrator of your organisation, or use other models of this protocol.",
    });
  }
  if (status === FORBIDDEN) {
    return fail(id, `Factory refuses ${target.model} (403) even with the system prompt.`, {
      why,
      fix: "If you changed SYSTEM_PROMPT, unset it. Otherwise Factory has changed the prompt it expects: look for a newer version of this program.",
    });
  }
  if (status === 405 || (status === 400 && OF_PROVIDER.test(said))) {
    const fix = `Set the model's provider or protocol in the model file (CONFIG_PATH). It is now called as ${target.provider} over ${target.protocol}.`;
    return fail(id, `${target.model} is called with the wrong provider or endpoint (${status}).`, { why, fix });
  }
  if (status === 404)
    return fail(id, "The endpoint does not exist (404).", {
      why,
      fix: "Check FACTORY_BASE_URL and the variables that end in _TARGET_URL.",
    });
  if (status === 400)
    return warn(id, `${target.model} rejects the call (400).`, {
      why,
      fix: "The model may no longer exist. Run `factory-proxy models` for others.",
    });
  if (status === 429 || status >= OVERLOADED)
    return warn(id, `${target.model} is rate-limited or overloaded (${status}).`, {
      why,
      fix: "Try again in a minute. The server retries by itself (RETRIES).",
    });
  if (status < 400)
    return fail(id, `The endpoint redirects (${status}), and calls do not follow redirects.`, {
      why: answer.headers.get("location"),
      fix: "Set FACTORY_BASE_URL to that host.",
    });
  return fail(id, `${target.model} gets ${status}.`, { why });
}
