// Images, files and sound, both directions.

import { base64, file, image, text, url, user } from "../../support/canonical.ts";
import { PDF, PNG, refused, reported, testDecoding, testEncoding } from "./request-cases.ts";

testDecoding([
  [
    "a data URL with parameters",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;charset=utf-8;base64,${PNG}` } }] }],
    },
    { turns: [user(image(base64("image/png", PNG)))] },
  ],
  [
    "a data URL that is percent-encoded",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/svg+xml,%3Csvg%2F%3E" } }] }],
    },
    {
      turns: [user(image(base64("image/svg+xml", "PHN2Zy8+")))],
    },
  ],
  [
    "magic bytes win over the declared type, and image/jpg is image/jpeg",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/jpg;base64,${PNG}` } },
            { type: "image_url", image_url: { url: "data:image/jpg;base64,AAAA", detail: "high" } },
          ],
        },
      ],
    },
    {
      turns: [user(image(base64("image/png", PNG)), image(base64("image/jpeg", "AAAA"), { detail: "high" }))],
    },
  ],
  [
    "a file, by its bytes with and without a data URL",
    {
      messages: [
        {
          role: "user",
          content: [
            { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } },
            { type: "file", file: { file_data: PDF } },
          ],
        },
      ],
    },
    {
      turns: [user(file(base64("application/pdf", PDF), { filename: "a.pdf" }), file(base64("application/pdf", PDF)))],
    },
  ],
  [
    "a PDF in the place of an image is a file",
    {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `data:application/pdf;base64,${PDF}` } }] }],
    },
    {
      turns: [user(file(base64("application/pdf", PDF)))],
    },
  ],
  [
    "sound is carried as such; who cannot take it says so",
    {
      messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "UklG", format: "mp3" } }] }],
    },
    { turns: [user({ type: "audio", source: base64("audio/mp3", "UklG") })] },
  ],
]);

testEncoding([
  [
    "images by URL and as bytes",
    {
      turns: [user(image(url("https://example.com/a.png"), { detail: "low" }), image(base64(null, PNG)))],
    },
    {
      body: {
        messages: [
          {
            role: "user",
            content: [
              { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
              { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
            ],
          },
        ],
      },
    },
  ],
  [
    "a document of text is text with its title, and what was said about it",
    {
      turns: [user(file({ type: "text", text: "Body" }, { filename: "Title", context: "From the wiki", citations: true }))],
      model: "glm-5.1",
    },
    {
      body: { messages: [{ role: "user", content: "From the wiki\n\nTitle\n\nBody" }] },
      losses: [reported("contents.citations", "Chat Completions does not cite documents.")],
    },
  ],
  [
    "what Chat cannot take is refused, each kind by name, and a note stands in its place",
    {
      turns: [
        user(
          text("Hi"),
          image({ type: "file-id", id: "i", owner: "anthropic-messages" }),
          file(url("https://example.com/a.pdf")),
          file({ type: "file-id", id: "f", owner: "anthropic-messages" }),
          { type: "audio", source: base64("audio/ogg", "T2dn") },
          { type: "video", source: url("https://example.com/v.mp4") },
          { type: "opaque", protocol: "anthropic-messages", name: "container_upload", value: "{}", severity: "refused" },
        ),
      ],
    },
    {
      body: {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "Hi" },
              { type: "text", text: "[image left out: Chat Completions accepts images by URL or as bytes.]" },
              { type: "text", text: "[file left out: Chat Completions accepts files as bytes, not by URL.]" },
              { type: "text", text: "[file left out: The file was uploaded elsewhere; this model's upstream cannot read it.]" },
              { type: "text", text: "[audio left out: Chat Completions accepts audio as wav or mp3 bytes.]" },
              { type: "text", text: "[video left out: Chat Completions does not accept video.]" },
            ],
          },
        ],
      },
      losses: [
        refused("contents.image", "Chat Completions accepts images by URL or as bytes."),
        refused("contents.file", "Chat Completions accepts files as bytes, not by URL."),
        refused("contents.file", "The file was uploaded elsewhere; this model's upstream cannot read it."),
        refused("contents.audio", "Chat Completions accepts audio as wav or mp3 bytes."),
        refused("contents.video", "Chat Completions does not accept video."),
        refused("contents.container_upload", "Only the protocol it came from understands a container_upload block."),
      ],
    },
  ],
]);
