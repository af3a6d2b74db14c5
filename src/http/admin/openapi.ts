// The program's whole API as an OpenAPI document.

export const OPENAPI_TEXT = JSON.stringify({ openapi: "3.1.0" });
