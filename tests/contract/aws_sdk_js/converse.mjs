// The AWS SDK for JavaScript with nothing but its own environment variables: Converse, ConverseStream,
// a tool, an image, errors. It speaks HTTP/2 by itself. Prints what came of it.
import { readFile } from "node:fs/promises";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
} from "@aws-sdk/client-bedrock-runtime";

const { CONTRACT_MODEL: modelId, CONTRACT_MARKER: marker, CONTRACT_PNG: png } = process.env;
const client = new BedrockRuntimeClient({ maxAttempts: 1 });
const toolSpec = {
  name: "harbour_tides",
  description: "Tell the tides of a harbour.",
  inputSchema: { json: { type: "object", properties: { port: { type: "string" } }, required: ["port"] } },
};
const toolConfig = { tools: [{ toolSpec }] };
const user = (...content) => ({ role: "user", content });
const ask = (messages, more = {}) => client.send(new ConverseCommand({ modelId, messages, ...more }));

async function streamed(messages, more = {}) {
  const { stream, $metadata } = await client.send(new ConverseStreamCommand({ modelId, messages, ...more }));
  const told = { kinds: [], text: "", input: "", requestId: $metadata.requestId };
  try {
    for await (const event of stream) {
      const kind = Object.keys(event)[0];
      if (told.kinds.at(-1) !== kind) told.kinds.push(kind);
      told.text += event.contentBlockDelta?.delta.text ?? "";
      told.input += event.contentBlockDelta?.delta.toolUse?.input ?? "";
      told.tool ??= event.contentBlockStart?.start.toolUse;
      told.stopReason ??= event.messageStop?.stopReason;
      told.usage ??= event.metadata?.usage;
    }
  } catch (error) {
    told.error = { name: error.name, message: error.message };
  }
  return told;
}

async function refused(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.name, status: error.$metadata?.httpStatusCode, message: error.message };
  }
}

async function loop() {
  const asked = user({ text: 'When are the tides in "Kiel"?' });
  const first = await ask([asked], { toolConfig });
  const use = first.output.message.content.find((block) => block.toolUse).toolUse;
  const result = { toolUseId: use.toolUseId, content: [{ json: { highWater: "06:00" } }] };
  const turns = [asked, first.output.message, user({ toolResult: result })];
  const second = await ask(turns, { toolConfig });
  return { stopReason: first.stopReason, use, answer: second.output.message.content[0].text };
}

async function invoked() {
  const messages = [{ role: "user", content: `echo: invoked ${marker}` }];
  const body = JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 50, messages });
  const answer = await client.send(new InvokeModelCommand({ modelId, body, contentType: "application/json" }));
  return { contentType: answer.contentType, ...JSON.parse(Buffer.from(answer.body).toString()) };
}

if (process.argv[2] === "broken") {
  console.log(JSON.stringify(await streamed([user({ text: `echo: ${marker} ${"and more ".repeat(30)}` })])));
} else {
  const plain = await ask([user({ text: `echo: Ahoy ${marker}` })], { system: [{ text: "Be brief." }] });
  const image = { format: "png", source: { bytes: await readFile(png) } };
  const seen = await ask([user({ text: `Look: ${marker}` }, { image })]);
  const told = {
    plain: { ...plain.output.message, stopReason: plain.stopReason, usage: plain.usage },
    requestId: plain.$metadata.requestId,
    protocol: client.config.requestHandler.metadata.handlerProtocol,
    stream: await streamed([user({ text: `echo: ${marker} one two three four five` })]),
    toolStream: await streamed([user({ text: 'Again, the tides in "Wismar"?' })], { toolConfig }),
    loop: await loop(),
    seen: seen.output.message.content[0].text,
    invoked: await invoked(),
    blank: await refused(ask([user({ text: "" })])),
    unknown: await refused(
      client.send(new ConverseCommand({ modelId: "no.such-model-v1:0", messages: [user({ text: "Hi" })] })),
    ),
  };
  console.log(JSON.stringify(told));
}
client.destroy();
