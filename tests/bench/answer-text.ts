// The text of an answer in any of the three protocols, or the arguments of its tool call, so that a gateway that answers fast and wrong is found out before it is measured.
// Does not read an answer that is being measured.

interface WireAnswer {
  readonly choices?: readonly { readonly message?: WireDelta; readonly delta?: WireDelta }[];
  readonly content?: readonly { readonly text?: string }[];
  readonly output?: readonly { readonly content?: readonly { readonly text?: string }[] }[];
  readonly delta?: WireDelta | string;
}

interface WireDelta {
  readonly content?: string | null;
  readonly text?: string;
  readonly partial_json?: string;
  readonly tool_calls?: readonly { readonly function?: { readonly arguments?: string } }[];
}

export function textOf(body: string): string {
  if (body.startsWith("{")) return textIn(JSON.parse(body) as WireAnswer);
  let text = "";
  for (const line of body.split("\n")) {
    if (line.startsWith("data: {")) text += textIn(JSON.parse(line.slice("data: ".length)) as WireAnswer);
  }
  return text;
}

function textIn({ choices, content, output, delta }: WireAnswer): string {
  if (typeof delta === "string") return delta;
  const said = choices?.[0]?.delta ?? choices?.[0]?.message ?? delta;
  if (said !== undefined) return (said.content ?? said.text ?? said.partial_json ?? "") + (said.tool_calls?.[0]?.function?.arguments ?? "");
  return (content ?? output?.flatMap((item) => item.content ?? []) ?? []).map((part) => part.text ?? "").join("");
}
