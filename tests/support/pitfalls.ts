// Test support: pitfalls. Every way in which a gateway between these protocols is known to go wrong (PROTOCOLS, section B), each with
// the tests that hold it by their names in the sources, or the reason why it cannot happen here.
// Never does: run anything; pitfalls.test.ts holds the table to the sources.

export type Pitfall = readonly [number: number, about: string, heldBy: readonly string[] | string];

// Laid out by hand: the formatter would give every name a line.
// oxfmt-ignore
export const PITFALLS: readonly Pitfall[] = [
  [1, "A system message in the middle of the history keeps its place.", [
    "1: a system message behind a user turn keeps its place, where the model takes it",
    "1: a system message in the middle stays where it is, as the user's",
    "1, 3, 5: leading system and developer messages become blocks, one in the middle keeps its place"]],
  [2, "Claude Code's last message is a system message with an effort of its own.", [
    "2: the last message is a system message with an effort of its own", "2: a system turn at the end stays there, and its effort wins",
    "1, 2: a system turn in the middle keeps its place; the effort that it sets wins"]],
  [3, "Several leading system messages are one list of blocks, with their cache marks.", [
    "3, 113: instructions keep their blocks and marks; a null mark is none", "A.2, 3: leading instructions block by block",
    "1, 3, 5: leading system and developer messages become blocks, one in the middle keeps its place"]],
  [4, "Instructions without a user turn get one, never an empty text.", [
    "4: instructions alone get a user turn, with something in it", "4: without a user turn there is one",
    "4: instructions alone are a request without turns"]],
  [5, "The role developer is a system role.", [
    "3, 5: leading instructions are one array, one block each, with their marks",
    "1, 3, 5: leading system and developer messages become blocks, one in the middle keeps its place"]],
  [6, "Servers other than OpenAI get the role system.", [
    "6: instructions for a server that is not OpenAI's are one system message, a string"]],
  [7, "Results stand first in the user turn that they share with text.", [
    "7, 9: results stand first, all in one message, in the client's own order",
    "7, 9: tool messages and the user message after them are one turn"]],
  [8, "Results of a Messages turn come before its text, all of them.", [
    "8, 9: results first, each its own message, then the text that stood between them"]],
  [9, "Three results in a row are one user message.", [
    "7, 9: results stand first, all in one message, in the client's own order",
    "7, 9: tool messages and the user message after them are one turn"]],
  [10, "A result that is not next to its call is moved there; one without a call is text, or refused.", [
    "10, 13: a result without a call is refused, and sent as text to who wants it all the same",
    "10, 12, 13: a call without a result and a result without a call are repaired, and refused",
    "76, 10, 12: results of one step stand together; a missing one says so, one without a call becomes text"]],
  [11, "Of two results for one call the last one is sent, at the first one's place.", [
    "11: of two results for one call the last is sent", "11: a second result with the id of a call that is answered answers no other call",
    "of several results for one call the last one stands at the first one's place (11)"]],
  [12, "A call without a result gets one that says so, or the request is refused.", [
    "12: an interrupted call gets an error for a result", "12: a call without a result gets one that says so",
    "76, 10, 12: results of one step stand together; a missing one says so, one without a call becomes text"]],
  [13, "An output for an unknown call follows the same rule.", [
    "10, 13: a result without a call is refused, and sent as text to who wants it all the same",
    "10, 12, 13: a call without a result and a result without a call are repaired, and refused",
    "a result without a call becomes text (13)"]],
  [14, "An id that comes again in a later turn is told apart.", [
    "14: ids that repeat between turns are told apart, and ids of another alphabet fitted",
    "14: two calls of one turn with one id are told apart, and so are their results",
    "14: an id that comes again in a later turn is made unique"]],
  [15, "Empty text beside calls is no text.", [
    "15, 16: blank text is left out, its mark moved, an empty turn gone and its neighbours joined",
    "15: an empty content beside tool calls is no text",
    "15, 22: texts and calls of one turn keep their order, without ids and without empty texts"]],
  [16, "Text of white space alone is left out, and a turn of nothing else with it.", [
    "16: white space is kept; the protocols that reject it leave it out",
    "15, 16: blank text is left out, its mark moved, an empty turn gone and its neighbours joined"]],
  [17, "A turn of calls alone has content null.", [
    "17: calls alone have content null; one without arguments has an empty object",
    "17, 71: a turn of calls alone has content null, a call without arguments an empty object"]],
  [18, "A trailing assistant turn is continued, or the user asks to go on; it is never deleted.", [
    "18: a model that continues no assistant turn is asked to go on", "18: a history that ends with the assistant goes on"]],
  [19, "A prefill loses the white space at its end, and nothing else.", ["18, 19: one that does gets it without the space at its end"]],
  [20, "A history that begins with the assistant gets a user turn in front.", [
    "20: a history that begins with the assistant gets a user turn in front"]],
  [21, "A system message never joins the turn that holds results.", [
    "21: a system message behind results gets a content of its own, and its effort counts"]],
  [22, "Messages and calls of one turn keep their order.", [
    "22, 23: text around calls is one message, text first", "22, 23: messages and calls of one answer stay in order in one turn",
    "15, 22: texts and calls of one turn keep their order, without ids and without empty texts"]],
  [23, "A message and the calls behind it are one assistant message of Chat.", [
    "22, 23: text around calls is one message, text first", "22, 23: messages and calls of one answer stay in order in one turn"]],
  [24, "Input that is a string is one user message.", ["24: a string as input is one user message"]],
  [25, "An item without a type is a message by its role.", [
    "25: an item with a role and no type is a message, whatever its parts are called"]],
  [26, "Reasoning without an id is taken where it has a proof.", ["26: reasoning without an id and with null content"]],
  [27, "Names on messages are left out, not refused.", [
    "27: a name of the one speaker is dropped", "27: a message's name is left out, not refused"]],
  [28, "A body that is too large is 413 in the client's shape.", [
    "old defect: bodies had no limit; ${protocol} answers 413 to one that says it is too large",
    "old defect: bodies had no limit; one that does not say its length is refused when it grows too large"]],
  [29, "Both spellings of Gemini's members are understood.", ["29: snake_case and camelCase are one"]],
  [30, "Content as a string or as a list is one; servers of strings get a string.", [
    "30: content as a string is one text block", "30: text alone is a string for servers that take nothing else"]],
  [31, "Data URLs with parameters are read.", [
    "31, 32: what an image is, its first bytes say", "31: a data URL with parameters",
    "31, 36, 37: data URLs with parameters, percent-encoded, a PDF sent as an image; an image's URL is a string"]],
  [32, "The media type of an image is what its bytes say.", [
    "32: magic bytes win over the declared type, and image/jpg is image/jpeg", "31, 32: what an image is, its first bytes say"]],
  [33, "An image of a format that the target lacks is refused.", ["33: an image of a format that Messages lacks"]],
  [34, "An image's address for Gemini has the type that it says, never a guessed jpeg. It is not downloaded: nobody but the configured hosts is called.", [
    "34, 31: a public address stays one, without a guessed type; a data URL is data"]],
  [35, "A PDF in a file part is a document.", [
    "35, 36: a PDF is a document, also where it came as an image", "35: a file, by its bytes with and without a data URL",
    "35, 37, A.4: images and files in each form; text documents are text"]],
  [36, "So is a PDF in an image part.", [
    "36: a PDF in the place of an image is a file", "35, 36: a PDF is a document, also where it came as an image",
    "31, 36, 37: data URLs with parameters, percent-encoded, a PDF sent as an image; an image's URL is a string"]],
  [37, "An image's URL is a string in Responses and an object in Chat.", [
    "37: images by URL and as bytes",
    "31, 36, 37: data URLs with parameters, percent-encoded, a PDF sent as an image; an image's URL is a string",
    "35, 37, A.4: images and files in each form; text documents are text"]],
  [38, "A result's image follows behind all results of a Chat turn.", [
    "38, 40: a result's texts are lines, its image follows all results with the call's id",
    "38, 40, 41: results keep their parts, images among them; an error is said in words unless the text says it"]],
  [39, "A result's image stands where the generation of Gemini takes it.", [
    "39: on Gemini 2 the image of a result follows behind all results, with its call's name",
    "39, 88: on Gemini 3 the image stands in the result, and a call without a signature has Google's word for that"]],
  [40, "Texts of a result are joined by line ends.", [
    "38, 40: a result's texts are lines, its image follows all results with the call's id",
    "38, 40, 41: results keep their parts, images among them; an error is said in words unless the text says it"]],
  [41, "A failed result says so, in words or in its member.", [
    "41, 42: whether a result is an error, only the client says", "41: a failed call says so, unless its text does",
    "75, 41, 42: results that are no object are wrapped, objects that would be misread too"]],
  [42, "JSON with an error in it is no failed result.", [
    "42: a result is no error because its JSON has such a key", "42: a result that is JSON with an error in it is no failed one",
    "41, 42: whether a result is an error, only the client says"]],
  [43, "A document of text is text with its title.", [
    "43, A.4: documents of text, of parts with an image, and the rest of what is said about them",
    "43: a document of text is text, with its title and what was said about it",
    "43: a document of text is text with its title, and what was said about it"]],
  [44, "Sound that cannot be carried is refused by name.", [
    "44, A.4: sound, and files of another provider", "44: sound is carried as such; who cannot take it says so",
    "44, A.4: sound, video and files of another vendor can't be sent, and a note says so in their place; citations are told"]],
  [45, "A document of the assistant is shown by the user.", ["45: a document of the assistant stays the assistant's"]],
  [46, "Citations are not sent back to the present API.", ["46, A.4: citations and refusals in the history"]],
  [47, "A search result is text elsewhere.", ["47: a search result is text"]],
  [48, "Names with dots and slashes are fitted and come back.", [
    "48: names of another alphabet are fitted everywhere alike", "48: a fitted name becomes the client's own again",
    "48: names that Gemini does not take are fitted, in tools, choice and history alike"]],
  [49, "Names over 64 characters are shortened and come back.", [
    "48, 49: names that do not fit become short and stay the same in calls, choice and history",
    "48, 49: renamed tools get their names back; a namespace becomes part of the name",
    "48, 49: names that do not fit are renamed in tools, choice and history alike"]],
  [50, "An object schema has properties.", [
    "50: an object schema gets its properties",
    "50, 52, 54: tools are not strict unless said; an object gets its members, all else stays as it was written"]],
  [51, "A function of no parameters has none for Gemini.", ["51: a function without arguments has no schema"]],
  [52, "A tool is not strict unless it says so.", [
    "50, 52, 54: tools are not strict unless said; an object gets its members, all else stays as it was written"]],
  [53, "Schemas are lowered for a Gemini that takes a subset.", [
    "53: a model before 2.5 gets Google's subset, and what it lacks as words", "53: Google's schema words become JSON Schema's"]],
  [54, "Schemas keep their text.", [
    "54, 70: schemas and arguments are sent as they were written", "54, 70: a schema stays the text that it was written as",
    "50, 52, 54: tools are not strict unless said; an object gets its members, all else stays as it was written"]],
  [55, "Anthropic's own tools are known, mapped or refused, never functions without meaning.", [
    "55: tools that the client runs get the schema that Claude knows by heart",
    "55, 69: hosted tools: search is reported, what only another protocol runs keeps its severity"]],
  [56, "Cache marks stay away from servers that do not know them.", [
    "56: cache marks in either spelling, where null says nothing (113)", "56: elsewhere the marks are left out"]],
  [57, "A deferred tool is sent in full.", [
    "57: a deferred tool is sent in full; keys that only Anthropic knows are said",
    "57, A.5: schemas stay the text that they are, strict stays unsaid, deferred tools are sent in full, extra members are told"]],
  [58, "Unknown tool members or betas for Bedrock and Vertex.",
    "The upstream is Factory's endpoint, which speaks Anthropic's own API for every provider behind it: members and betas go there as they came, and nothing is filtered by guess."],
  [59, "The client's betas reach Anthropic.", ["headers of the protocol pass to an upstream of the same protocol"]],
  [60, "No tools: no list, no choice.", [
    "60: no tools, no choice", "60: no tools, no choice; a demanded call without tools is refused", "60: an empty list of tools is none"]],
  [61, "A choice of none keeps the tools.", [
    "61: tools that may not be called stay declared", "61, 63: none keeps the tools, one call at a time is reported",
    "61: tool_choice none keeps the tools"]],
  [62, "One call at a time without a choice makes one.", [
    "62: one call at a time needs a choice to say so", "62: one call at a time without a tool choice",
    "61 to 63, A.6: the choice ${type}, with the parallel switch"]],
  [63, "And becomes the switch of the other protocols.", [
    "63: one call at a time", "63: the o-series knows no such switch, and never calls in parallel",
    "61, 63: none keeps the tools, one call at a time is reported"]],
  [64, "A forced tool wins over thinking.", ["64: a forced tool wins over thinking with a budget"]],
  [65, "A choice that is an object names its tool.", [
    "65: a tool choice that is an object", "65: a choice that is an object names its tool"]],
  [66, "Tools on the newest models over Chat go without reasoning.", ["66: tools forbid reasoning on the newest models over Chat"]],
  [67, "A custom tool is a function of one text, and back.", [
    "67: a custom tool is a function of one text, in the history too", "67: a custom tool's text is unwrapped, cut anywhere",
    "67: a free-form tool is a function with one string, its calls too"]],
  [68, "A namespace is flattened, and back.", [
    "68: a tool of a namespace keeps its whole name", "68: a namespace is flattened; calls in the history and choices get the same names",
    "67, 68: custom tools and namespaces as the client declared them"]],
  [69, "Codex's web search is mapped or left out and said, never a 400.", [
    "69: a web search is one here too; a hosted tool of another provider is none",
    "69: a search beside functions is left out and reported, never refused",
    "69, A.5: web search is mapped; of hosted tools a search for tools may be left out, others may not"]],
  [70, "Integers over 2^53 keep their digits.", [
    "70, 54, 114: arguments and schemas stay as they were written, whatever stands in them", "70: arguments and schemas keep their text",
    "70: arguments keep their text"]],
  [71, "Empty arguments are an empty object.", [
    "71, 72, A.7: arguments that are empty, cut off, or no object",
    "71, 72: no arguments are an empty object, broken ones are not repaired",
    "17, 71: a turn of calls alone has content null, a call without arguments an empty object"]],
  [72, "Truncated arguments are not repaired.", [
    "72: arguments that were cut stay as they are", "71, 72, A.7: arguments that are empty, cut off, or no object",
    "71, 72: no arguments are an empty object, broken ones are not repaired"]],
  [73, "A call id over 64 characters is shortened on both sides.", [
    "73: a call id that is too long is short and the same on both sides", "73: ids longer than 64 are shortened, the same on both sides"]],
  [74, "A result for Gemini has its call's name.", ["74: a result has the name of its call"]],
  [75, "A result that is no object is wrapped for Gemini.", [
    "75, 41, 42: results that are no object are wrapped, objects that would be misread too"]],
  [76, "Parallel results stand in one content.", [
    "76, 10, 12: results of one step stand together; a missing one says so, one without a call becomes text"]],
  [77, "A signature stays on the part that it came with.", [
    "77, 85: signatures on the part that they came with, foreign ones and thoughts that nobody can read left out"]],
  [78, "What stands in front of a thinking block is the same on every turn.", [
    "the system prompt is the same on every turn, so that the upstream's cache holds",
    "a system prompt that is there already is not put in twice, on every way",
    "${protocol}: the system prompt is put in, and nothing else changes"]],
  [79, "A conversation stays with its organisation, and foreign proofs with their makers.", [
    "79, A.8: what other vendors sealed is taken out of a conversation that goes to Gemini: ${what}",
    "79, A.8: reasoning that was sealed for another maker is taken out",
    "a conversation has the same order of keys each time, on every replica, in whatever order the keys were written",
    "another conversation keeps its own key while one rests"]],
  [80, "The same for encrypted content.", [
    "encode: 80: a conversation that comes back to OpenAI brings its own reasoning, and only that",
    "a conversation has the same order of keys each time, on every replica, in whatever order the keys were written",
    "${client}, ${stream ? \"streamed\" : \"whole\"}: ${route}"]],
  [81, "Encrypted content goes without the id of a stored item.", [
    "81, 82: OpenAI's own reasoning goes back without an id, in front of what it led to"]],
  [82, "Reasoning is followed by what it led to.", [
    "82, A.8: reasoning that never had a proof is taken out too: OpenAI would look for it in its store",
    "82, 85: reasoning of other makers, without proof, or that leads to nothing is left out"]],
  [83, "The proof is the one of the finished item.", ["83: the proof is the one of the item's end"]],
  [84, "A tool loop that began without a thought goes on without thinking.", [
    "84: a tool loop that began without a thought goes on without one",
    "84: with a budget, a tool loop whose thought was taken out goes on without thinking"]],
  [85, "A thought without a proof is never sent with an empty one.", [
    "85, 87, 95: thoughts with an empty, a real and a foreign proof, hidden ones, and ones without text",
    "85, A.8: proofs that nobody sealed are ignored; the readable thought stays, without a proof",
    "85: reasoning that this proxy marked as unsigned has no proof", "${client}, ${stream ? \"streamed\" : \"whole\"}: ${route}"]],
  [86, "A proof of unknown form passes to its own maker.", [
    "85, 86: thoughts go back to who signed them, and nowhere else",
    "A.8: what other vendors sealed is taken out of a conversation that goes to Anthropic, and nothing else"]],
  [87, "Hidden thoughts travel untouched.", [
    "85, 87, 95: thoughts with an empty, a real and a foreign proof, hidden ones, and ones without text",
    "every byte of a request reaches an upstream of the same protocol: ${path}"]],
  [88, "A call without a signature gets Google's word for that.", [
    "88: only the first call of a step, and only where there is no signature of Google",
    "88: a model that asks for no signature is told of none",
    "166, 120, 88: a call comes whole, with its id, with an empty object where it has no arguments; the first says that it is unsigned"]],
  [89, "No proof travels in an id.", [
    "A.8: proofs follow what they prove, sealed", "A.8: what an answer proves comes back from a client that echoes its message"]],
  [90, "A budget is capped below the limit.", [
    "90: a budget is capped below the limit, never the limit raised", "90: a budget leaves room for the answer"]],
  [91, "The smallest effort is the smallest budget that is taken.", [
    "91: the smallest effort is the smallest budget that the API takes", "91: minimal is the lowest level of a Pro"]],
  [92, "No effort switches thinking off in so many words.", [
    "92: no reasoning has to be said, since models think by themselves",
    "92: off is the lowest budget where a model cannot stop thinking, and said", "92: effort none switches reasoning off"]],
  [93, "Reasoning goes back to the servers that want it, within a tool loop.", [
    "93: reasoning goes back inside of the running tool loop alone, and no proof ever"]],
  [94, "OpenAI never gets a thinking object.", ["94, 93: OpenAI gets none, and a turn of nothing else is left out"]],
  [95, "A thought without words keeps its proof.", [
    "85, 87, 95: thoughts with an empty, a real and a foreign proof, hidden ones, and ones without text"]],
  [96, "Without a limit the model's own, never 0.", [
    "96: without a limit the model's own", "96: no tokens at all are refused", "96: no output at all can be asked of Messages alone"]],
  [97, "The limit has the name that the model knows.", [
    "97: the limit under the name that the model knows", "97: the limit of the answer"]],
  [98, "No sampling for the API that refuses it.", ["98, 99: a model that takes no sampling gets none, and the present API"]],
  [99, "A temperature over 1 is clamped or left out.", ["99, 100: one that does gets one of the two, clamped, and the API before"]],
  [100, "Temperature and top_p: one of the two.", ["99, 100: one that does gets one of the two, clamped, and the API before"]],
  [101, "A stop that is a string is a list of one.", ["101: stop as a string"]],
  [102, "Stop sequences for Responses are looked for in the answer.", [
    "102: a stop sequence that comes in pieces ends the answer in front of it", "102: stop sequences need no field"]],
  [103, "A reasoning model gets neither stop nor temperature.", [
    "103: a reasoning model takes neither sampling nor stop sequences; defaults need no word",
    "103: a model that reasons takes no sampling"]],
  [104, "Nothing is stored that the client did not ask to store.", ["104: nothing is stored, and reasoning travels encrypted"]],
  [105, "A conversation that is stored elsewhere is refused.", ["105, A.12: what is stored at OpenAI can't go elsewhere"]],
  [106, "Several answers are refused.", [
    "106: more than one answer, and answers that are no text, are refused",
    "106: several answers are refused elsewhere, one is nothing special"]],
  [107, "A JSON schema is never dropped.", [
    "107, 108: a schema is sent where the model holds to it, its constraints in words",
    "107: a JSON Schema for the answer, as it was written", "107: a schema for the answer"]],
  [108, "Constraints that a schema cannot hold go into the description.", [
    "107, 108: a schema is sent where the model holds to it, its constraints in words"]],
  [109, "A long name of the end user is hashed.", [
    "109, 110: the user and, within, the session that groups requests",
    "109: ${protocol} calls a person by the same name as every other protocol of OpenAI does",
    "109: a long name of a user is hashed, not cut"]],
  [110, "The cache key is the session's, never a fresh one.", [
    "110: a cache key where the server groups by it", "109, 110: the user and, within, the session that groups requests",
    "109, 110, A.13: end user, metadata, cache key, tier"]],
  [111, "The attribution line is no instruction.", [
    "111: the attribution line is no instruction, wherever a prompt was put in front of it",
    "111: the billing line of Claude Code is no instruction"]],
  [112, "The hour of a cache mark stays.", ["every byte of a request reaches an upstream of the same protocol: ${path}"]],
  [113, "A cache mark of null is none.", [
    "3, 113: instructions keep their blocks and marks; a null mark is none",
    "56: cache marks in either spelling, where null says nothing (113)"]],
  [114, "Nothing is rewritten inside of inputs and schemas.", [
    "70, 54, 114: arguments and schemas stay as they were written, whatever stands in them"]],
  [115, "Unknown members are ignored and said.", [
    "115: members of its own protocol go back to their place, others are said to be lost",
    "115: members that nobody knows are kept for Gemini and reported to others",
    "115: members that nobody knows are reported, on top and inside"]],
  [116, "What is not quite JSON is refused.", [
    "116: a body that is not one JSON object, or names a member twice, is refused",
    "116: a body that is not quite JSON, or says a member twice, is refused before it is routed", "116: a body that is no JSON",
    "a body with ${what} is 400 and says so, on each door"]],
  [117, "A model's name is spliced, and nothing is printed again.", [
    "117: the model's name is spliced, and nothing else is touched", "117: the system prompt is spliced into ${name}, once",
    "117: in front of the messages, every other character as it was"]],
  [118, "Tool indices of Chat are dense.", [
    "118: an index that begins at one", "text, then parallel calls (118)", "a tool index that begins at one (118)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [119, "A hosted tool's call is none of the client's.", [
    "119: a hosted tool's call is none of the client's, and comes in one piece",
    "119: blocks that another protocol runs itself are no tool calls", "119: another vendor's hosted blocks are not turned into calls"]],
  [120, "A call without arguments has an empty object.", [
    "120: a call without arguments has an empty object",
    "166, 120, 88: a call comes whole, with its id, with an empty object where it has no arguments; the first says that it is unsigned"]],
  [121, "The first chunk of a call has id, type and name.", [
    "118, 121: tool indices are dense whatever stood before; id, type and name on the first chunk of a call", "a call without a type (121)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [122, "The role stands on the first chunk alone.", [
    "122: the role on the first chunk alone", "no role (122)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [123, "The usage chunk comes where it was asked for.", [
    "123, 128, 131: usage in its own chunk, with everything that was counted", "123: the usage chunk is asked for",
    "an id that changes (123)"]],
  [124, "Usage is found wherever an upstream says it.", ["124: usage in a chunk without choices"]],
  [125, "The end waits for the usage behind the finish reason.", ["125: the end waits for the usage behind it, and does without [DONE]"]],
  [126, "The first event of Messages estimates the input.", ["126: the first event estimates the input, the last one corrects it"]],
  [127, "Cached tokens are not counted twice.", [
    "127: counts outside of caches stay outside of caches",
    "127, A.15: cached and written tokens are taken out of the prompt, reasoning stays in the output",
    "127, A.15: usage in counters that do not overlap"]],
  [128, "Nor left out of Chat's sum.", ["123, 128, 131: usage in its own chunk, with everything that was counted"]],
  [129, "Later counts replace earlier ones.", ["129: counts are cumulative: the last one replaces the one before"]],
  [130, "So do those of Gemini.", ["130, 131: usage of the last event counts, thoughts are output, what was cached is no input"]],
  [131, "Thoughts are output tokens.", [
    "130, 131: usage of the last event counts, thoughts are output, what was cached is no input",
    "123, 128, 131: usage in its own chunk, with everything that was counted"]],
  [132, "STOP after a call is a tool call.", [
    "132: STOP in an event of its own ends a turn of calls as one", "132, 133: stop after a tool call is a tool call"]],
  [133, "So is stop.", ["133: an end with a call in it is a tool call", "132, 133: stop after a tool call is a tool call"]],
  [134, "No finish reason outside of the client's list.", [
    "134, 169: a filtered answer without a word has no content, and a reason of Gemini's list", "134: words that are not OpenAI's",
    "a finish reason of another protocol (134)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [135, "A refusal is a filtered answer with its explanation.", [
    "135: a refusal says why, and keeps what was said", "135: a refusal is its text, and SAFETY", "135: a filtered answer says why"]],
  [136, "A full context is a limit.", ["136: a full context window", "136: a full context is a limit", "136: a full context"]],
  [137, "A pause goes on inside of the gateway, and is never a stop.", [
    "137: ${way.name}, ${nameOf(stream)}: an answer that pauses twice is one answer",
    "137: ${way.name}, ${nameOf(stream)}: an answer that pauses for ever ends at the bound, as one that ran out of tokens",
    "137: the turn so far is the last message, thoughts, searches and their results included",
    "137: a pause", "137: a pause that came this far is a limit", "137: a pause is never a stop"]],
  [138, "An answer that ran out of tokens is incomplete.", ["138: ${name} sees that an answer is incomplete", "138: length"]],
  [139, "A stream without an end is an error.", [
    "139: no end", "139: a stream without a finish reason", "139, 140: the stream ends before its finish reason",
    "${from} -> ${to}: an answer that breaks off anywhere is an error for the client, and nothing comes after it"]],
  [140, "And has no message_stop.", [
    "140: a broken answer ends in an error event, and the official client throws it", "139, 140: the stream ends before its finish reason",
    "no message_stop (140)",
    "${from} -> ${to}: an answer that breaks off anywhere is an error for the client, and nothing comes after it"]],
  [141, "An error in the middle is the client's error event.", [
    "141: an error in the middle", "141: ${name} throws on an error in the middle", "139, 141: an error is one chunk, without [DONE]"]],
  [142, "An error inside of a 200 is an error.", [
    "142: an error with status 200", "142: an error in a stream that began with 200", "142: an error inside of the stream"]],
  [143, "What comes after the end is ignored.", ["143: an error after the end", "143: what comes after [DONE] is ignored"]],
  [144, "An error in the first event is an HTTP status.", [
    "144: an error first", "142, 144: an error as the first event, by a number",
    "an error that is the first event of a 200 stream becomes an HTTP status"]],
  [145, "Thinking ends before a tool begins.", [
    "145, 147: thought, text and calls, one block after the other, none of them empty",
    "145, A.18: thought ends where the answer begins, and may begin again", "text in a tool block (145)"]],
  [146, "Interleaved arguments come out one call after the other.", [
    "146: arguments of two calls that come in turns leave one block after the other", "146: arguments of two calls that interleave",
    "openai-chat -> ${to}: calls whose arguments interleave come out whole, in order, one after the other"]],
  [147, "Block indices have no gaps.", [
    "145, 147: thought, text and calls, one block after the other, none of them empty", "a gap in the indices (147)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [148, "A signature comes in one piece.", [
    "a signature in two pieces (148)", "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [149, "A thinking block begins with empty thinking.", [
    "a thought that begins with nothing (149)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [150, "message_start has usage and content.", [
    "message_start without usage (150)", "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [151, "Every event of Messages has its name.", [
    "151: no event names", "no event names (151)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [152, "One message a stream.", [
    "152: the start comes twice", "what has begun is never tried again, whatever comes of it",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [153, "Every event of Responses has its item and its id.", [
    "153: an id that comes twice is made unique, one that is missing is made",
    "153 to 157: ${name} accumulates a stream of ${what} to the whole answer", "no response.created (153)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [154, "The terminal event holds the whole output.", [
    "154: ${name} reads a whole answer", "154: what the end of an item adds to its beginning, and items that were never streamed",
    "an empty output at the end (154)", "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [155, "Every done event repeats its text.", [
    "153 to 157: ${name} accumulates a stream of ${what} to the whole answer",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [156, "No pings among the events of Responses.", [
    "153 to 157: ${name} accumulates a stream of ${what} to the whole answer", "a ping (156)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [157, "A call has status and empty arguments at its start.", [
    "153 to 157: ${name} accumulates a stream of ${what} to the whole answer",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [158, "Items are told apart by their index.", ["158: items are told apart by their index, whatever their ids are, and may interleave"]],
  [159, "Several messages are one text of Chat.", ["159: several messages of one answer, each a text of its own"]],
  [160, "A failed response is an error.", ["160: a response that failed"]],
  [161, "And one error, not two.", ["161: an error event and then a failed response"]],
  [162, "A filtered response is a filtered answer.", ["162: the content filter"]],
  [163, "No event names for Gemini's clients.", [
    "163, 164, 165: a stream has no names of events and no [DONE]; an error is its last event", "event names (163)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [164, "And no [DONE].", [
    "164, C.5: a [DONE] and usage behind the finish do no harm", "[DONE] (164)",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [165, "And a blank line at the end.", [
    "163, 164, 165: a stream has no names of events and no [DONE]; an error is its last event",
    "${from} -> ${to}: any answer arrives, streamed as whole, in the grammar of the client's stream"]],
  [166, "A call for Gemini's clients comes whole.", [
    "166, 120, 88: a call comes whole, with its id, with an empty object where it has no arguments; the first says that it is unsigned"]],
  [167, "Vertex's partial arguments are put together.", [
    "167: arguments in pieces, a call that ends by an empty one, one that ends by the next name, one that ends with the stream"]],
  [168, "A signature on an empty part belongs to the text before.", [
    "168: a signature on an empty part at the end belongs to the text before it"]],
  [169, "A blocked prompt is a filtered answer.", ["169: a blocked prompt is a filtered answer"]],
  [170, "A call without an id gets the same one every time.", [
    "170: ids that this gateway made are not said",
    "170: calls without ids get the same ones from their place, results are paired by name and order",
    "170: calls without ids get those that decoding their echo gives"]],
  [171, "openai-node keeps the last piece of reasoning_content alone.",
    "How the client sums up a member that it does not know is its own affair; every chunk holds its piece, and a whole answer all of it."],
  [172, "Names and ids that come again, or come empty, begin no new call.", [
    "172: later pieces with an empty or repeated name and id", "a name that comes again (172)"]],
  [173, "A first chunk without choices is no start.", ["173: a first chunk without choices, id and model"]],
  [174, "Calls without an index are told apart by id.", ["174: calls without an index, told apart by id"]],
  [175, "Content may be a list of parts.", ["175: content as an array of parts"]],
  [176, "Citations have offsets in UTF-16, and all members.", [
    "176: citations of pages, with their words; those of documents have no address",
    "176: sources by bytes, by their words where bytes do not fit, and without a place", "176: citations"]],
  [177, "A hidden thought has an empty summary.", [
    "177, 179: thoughts and hidden thoughts, each on its own",
    "177, A.8: hidden reasoning has an empty summary; a proof of another maker is sealed"]],
  [178, "All text blocks count.", [
    "178: text blocks stay apart", "178, 179: all texts and all thoughts, joined", "178: texts in a row share a message"]],
  [179, "All thoughts count.", ["177, 179: thoughts and hidden thoughts, each on its own", "178, 179: all texts and all thoughts, joined"]],
  [180, "No retry after the first byte.", [
    "what has begun is never tried again, whatever comes of it", "an error that opens a stream is tried again, on every way; one in the middle is not"]],
  [181, "A stream may be cut anywhere.", [
    "sseDecoder: ${what}, ${name}, cut at every byte", "${protocol}: a stream means the same wherever its bytes are cut",
    "an upstream that sends one byte at a time is as good as any, on every way"]],
  [182, "All line ends, marks and comments of the standard.", [
    "sseDecoder: ${what}, ${name}, cut at every byte", "sseDecoder: line ends of all three kinds in one stream",
    "an event is passed on when its blank line comes, however its line ends are cut"]],
  [183, "Lines of any length.", ["sseDecoder: an event of 17 MiB passes, in pieces of 16 KiB"]],
  [184, "The last event needs no blank line, and gets one.", [
    "no blank line at the end (184)", "a byte order mark and a last event without its blank line do not make an answer incomplete"]],
  [185, "Padding inside of JSON is tolerated.", ["185, C.4: pings, padding, unknown events, [DONE]"]],
  [186, "A silent stream shows signs of life.", [
    "${client} <- ${target}: a silent stream shows signs of life, between events, and none after the end"]],
  [187, "And an error when the upstream stays silent.", [
    "an upstream that falls silent in the middle of a stream is an error event, and is let go"]],
  [188, "As comments where clients take them.", [
    "${client} <- ${target}: a silent stream shows signs of life, between events, and none after the end",
    "the official OpenAI and Anthropic clients read past signs of life"]],
  [189, "A client that leaves ends the upstream's work.", [
    "old defect: a client that left kept the upstream generating; now it closes it, ${when}, on every way",
    "a client that leaves ${name} lets the upstream go within 100 ms, and the log says cancelled"]],
  [190, "A body that was unpacked is not said to be packed.", [
    "an answer that comes compressed is read, and is not said to be compressed any more"]],
  [191, "A stream is asked for unpacked.", [
    "an upstream gets these headers and no others, whatever the client says",
    "an answer packed as ${encoding} is read, or refused in words; whole, streamed, errors too, on pass and conversion"]],
  [192, "529 is 503 elsewhere, and a spent quota is no matter of waiting.", [
    "192: 529 is an overload, which elsewhere is 503",
    "192: an error of the gateway has Google's shape, with the field, the code, the time to wait and the request's id",
    "192: a used-up quota is no matter of waiting"]],
  [193, "A page of HTML becomes a JSON error.", [
    "193: HTML", "193: a page of HTML", "193: a sentence", "a 200 that holds an error or nothing is no success"]],
  [194, "HEAD, count_tokens and the list of models answer.", [
    "HEAD ${path} is public and has no body", "what a model's upstream can't count is refused, never sent as a billed call",
    "tokens are counted where the upstream counts them, and refused without a call where it does not"]],
  [195, "Keys are taken from one place, and none goes further.", [
    "the key is taken from ${what}, on every door", "an upstream gets these headers and no others, whatever the client says"]],
  [196, "Nothing between here and the client buffers a stream.", [
    "what an upstream says about limits and requests reaches the client, what belongs to the connection does not"]],
];
