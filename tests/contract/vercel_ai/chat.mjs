// The Vercel AI SDK on its Bedrock provider: generateText, streamText, a tool loop, an object, an error.
// Prints what came of it.
import { readFile } from "node:fs/promises";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { APICallError, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;
const { CONTRACT_MODEL: id, CONTRACT_MARKER: marker, CONTRACT_PNG: png } = process.env;
const bedrock = createAmazonBedrock();
const model = bedrock(id);
const asked = [];
const tools = {
  harbour_tides: tool({
    description: "Tell the tides of a harbour.",
    inputSchema: z.object({ port: z.string() }),
    execute: async ({ port }) => {
      asked.push(port);
      return { port, highWater: "06:00" };
    },
  }),
};
const stopWhen = isStepCount(3);

async function streamed(options) {
  const result = streamText({ model, maxRetries: 0, onError: () => {}, ...options });
  const pieces = [];
  const kinds = new Set();
  for await (const part of result.fullStream) {
    kinds.add(part.type);
    if (part.type === "text-delta") pieces.push(part.text);
  }
  const told = { text: pieces.join(""), pieces: pieces.length, kinds: [...kinds] };
  if (kinds.has("error")) return told;
  const usage = await result.totalUsage;
  return { ...told, finishReason: await result.finishReason, outputTokens: usage.outputTokens };
}

async function refused(options) {
  try {
    await generateText({ model, maxRetries: 0, ...options });
    return null;
  } catch (error) {
    return { isApiError: APICallError.isInstance(error), status: error.statusCode, message: error.message };
  }
}

if (process.argv[2] === "broken") {
  console.log(JSON.stringify(await streamed({ prompt: `echo: ${marker} ${"and more ".repeat(30)}` })));
} else {
  const plain = await generateText({ model, system: "Be brief.", prompt: `echo: Ahoy ${marker}` });
  const loop = await generateText({ model, tools, stopWhen, prompt: 'When are the tides in "Kiel"?' });
  const image = { type: "file", data: await readFile(png), mediaType: "image/png" };
  const content = [{ type: "text", text: `Look: ${marker}` }, image];
  const seen = await generateText({ model, messages: [{ role: "user", content }] });
  const schema = z.object({ name: z.string(), berths: z.number().int() });
  const form = await generateText({
    model,
    output: Output.object({ schema }),
    prompt: `The harbour "Rerik" has 12 berths. ${marker}`,
  });
  const told = {
    plain: { text: plain.text, finishReason: plain.finishReason, usage: plain.usage },
    stream: await streamed({ prompt: `echo: ${marker} one two three four five` }),
    loop: { text: loop.text, steps: loop.steps.length, finishReason: loop.finishReason },
    toolStream: await streamed({ tools, stopWhen, prompt: 'Again, the tides in "Wismar"?' }),
    seen: seen.text,
    form: form.output,
    asked,
    limit: await generateText({ model, maxOutputTokens: 5, prompt: `echo: ${marker} and many more words than just these few` }).then(
      (result) => ({ finishReason: result.finishReason, outputTokens: result.usage.outputTokens }),
    ),
    unknown: await refused({ model: bedrock("no.such-model-v1:0"), prompt: "Hi" }),
  };
  console.log(JSON.stringify(told));
}
