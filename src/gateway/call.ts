// The life of one call: its answer, its failure, or its end from outside, whichever comes first.
// Does not answer a call twice, or reject.

import { asGatewayError } from "../errors.ts";
import { encodeError as encodeBedrockError } from "../protocol/bedrock.ts";
import { CODECS } from "../protocol/codecs.ts";
import { webBody } from "../wire/pump.ts";
import type { Answer, CompleteAnswer } from "./answer.ts";
import { CallProgress, type CallPorts } from "./call-progress.ts";
import { attemptHeaders, JSON_HEADERS, shortHeaders } from "./headers.ts";
import { lateResponse, type Late } from "./keep-alive.ts";
import type { Call } from "./request.ts";

/** Runs a call to its answer and sees it to its end. Never rejects: an error that `run` throws becomes an answer in the client's protocol. */
export function withCall(call: Call, ports: CallPorts, run: (progress: CallProgress) => Promise<Answer | Late<Answer>>): Promise<Response> {
  const progress = new CallProgress(call, ports);
  return responseTo(run(progress), progress);
}

/** Answers a request that no route takes. */
export function refuseCall(call: Call, ports: CallPorts, error: unknown): Response {
  const progress = new CallProgress(call, ports);
  return progress.respond(failure(error, progress));
}

/** Settles on whichever comes first: the answer, its failure, or the end of the call from outside. */
function responseTo(answering: Promise<Answer | Late<Answer>>, progress: CallProgress): Promise<Response> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const fail = (error: unknown): void => {
      if (isAnswered) return;
      isAnswered = true;
      try {
        resolve(progress.respond(failure(error, progress, progress.withLimits(attemptHeaders({ count: progress.summary.attempts })))));
      } catch (encodingError) {
        reject(encodingError);
      }
    };
    progress.failing(fail);
    answering.then((answer) => {
      if (isAnswered) return;
      try {
        resolve(answer.type === "late" ? late(answer, progress) : progress.respond(answer));
        isAnswered = true;
      } catch (error) {
        fail(error);
      }
    }, fail);
  });
}

/** The body is read in this process, so the maker of bodies that suits the client's connection does not fit. */
function late(answer: Late<Answer>, progress: CallProgress): Response {
  progress.streamed = webBody;
  return lateResponse(responseTo(answer.answer, progress), answer);
}

/** An error in the shape of the client's protocol. */
export function failure(
  cause: unknown,
  progress: CallProgress,
  headers: Readonly<Record<string, string>> = progress.withLimits({}),
): CompleteAnswer {
  const { summary, redaction, form } = progress;
  const error = asGatewayError(cause);
  const { requestId } = summary;
  const encoded = CODECS[summary.protocol].error.encode(error, requestId);
  const { status, body, headers: said } = form === "bedrock" ? encodeBedrockError(error, encoded) : encoded;
  const own = redaction.headers(shortHeaders(error.headers));
  return {
    type: "complete",
    status,
    headers: { ...headers, ...own, ...said, ...JSON_HEADERS, "x-request-id": requestId },
    body: redaction.known(body),
    error,
  };
}
