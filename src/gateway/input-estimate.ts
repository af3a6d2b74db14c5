// Estimates a request's tokens from the length of its text: for a call that ended before its upstream reported them.
// Does not parse the body.

import { BYTES_PER_TOKEN } from "./usage-meter.ts";

/** The tokens of an image of usual size. */
const MEDIA_TOKENS = 1_500;
/** A shorter body holds no media worth leaving out. */
const SHORT = 64 * 1024;
/** What precedes media, in the protocols whose upstreams report input only at the end. */
const MARK = ";base64,";

/** Estimated tokens of a JSON body. */
export function estimateInputTokens(body: string): number {
  let characters = body.length;
  let media = 0;
  for (let at = body.length < SHORT ? -1 : body.indexOf(MARK); at !== -1; at = body.indexOf(MARK, at)) {
    const start = at + MARK.length;
    const end = body.indexOf('"', start);
    at = end === -1 ? body.length : end;
    characters -= at - start;
    media++;
  }
  return Math.ceil(characters / BYTES_PER_TOKEN) + media * MEDIA_TOKENS;
}
