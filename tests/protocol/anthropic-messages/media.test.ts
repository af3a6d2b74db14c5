// Images and files that an upstream is sent.

import { test } from "node:test";
import { base64, file, image, text, user } from "../../support/canonical.ts";
import { isSent, lost, message, PDF, PNG, SENT, words, type EncodeRow } from "./requests.ts";

const ROWS: readonly EncodeRow[] = [
  {
    what: "what an image is, its first bytes say",
    request: {
      turns: [user(image(base64("image/jpg", PNG), { detail: "low" }), image(base64("image/jpg", "AAAA")))],
    },
    body: {
      ...SENT,
      messages: [
        message(
          "user",
          { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
          { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } },
        ),
      ],
    },
  },
  {
    what: "an image of a format that Messages lacks",
    request: {
      turns: [user(image(base64("image/svg+xml", "PHN2Zz4=")))],
    },
    body: {
      ...SENT,
      messages: [
        message("user", words("[image left out: Messages does not accept images of type image/svg+xml. Send jpeg, png, gif or webp.]")),
      ],
    },
    losses: [lost("input.image", "refused", "Messages does not accept images of type image/svg+xml. Send jpeg, png, gif or webp.")],
  },
  {
    what: "a PDF is a document, also where it came as an image",
    request: {
      turns: [
        user(
          file(base64(null, PDF), { filename: "a.pdf" }),
          image(base64("application/pdf", PDF)),
          file(base64("text/csv; charset=utf-8", "YSxi")),
        ),
      ],
    },
    body: {
      ...SENT,
      messages: [
        message(
          "user",
          { type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF }, title: "a.pdf" },
          { type: "document", source: { type: "base64", media_type: "application/pdf", data: PDF } },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" } },
        ),
      ],
    },
  },
  {
    what: "sound, and files of another provider",
    request: {
      turns: [
        user(
          text("Hi"),
          { type: "audio", source: base64("audio/wav", "UklGRg==") },
          file({ type: "file-id", id: "file-1", owner: "openai-chat" }),
        ),
      ],
    },
    body: {
      ...SENT,
      messages: [
        message(
          "user",
          words("Hi"),
          words("[audio left out: Messages does not accept audio content.]"),
          words("[file left out: The file file-1 is stored at another provider, and Messages cannot read it there. Send a PDF or text.]"),
        ),
      ],
    },
    losses: [
      lost("input.audio", "refused", "Messages does not accept audio content."),
      lost(
        "input.file",
        "refused",
        "The file file-1 is stored at another provider, and Messages cannot read it there. Send a PDF or text.",
      ),
    ],
  },
];

for (const row of ROWS) test(`an upstream is sent: ${row.what}`, () => isSent(row));
