// Calls of @grpc/grpc-js, messages as hexadecimal bytes. A line for each answer, and then the code and the message of the status.
//   node grpc.mjs HOST:PORT TOKEN one|out|in SERVICE/METHOD QUESTION..
import grpc from "@grpc/grpc-js";

const [address, token, kind, method, ...questions] = process.argv.slice(2);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
if (token) metadata.set("authorization", `Bearer ${token}`);
const write = (hex) => Buffer.from(hex, "hex");
const read = (bytes) => bytes.toString("hex");
const call = [`/${method}`, write, read];
const one = (error, answer) => {
  if (answer !== undefined) console.log(answer);
  console.log(error?.code ?? 0, error?.details ?? "");
  client.close();
};
if (kind === "one") {
  client.makeUnaryRequest(...call, questions[0], metadata, one);
} else if (kind === "in") {
  const stream = client.makeClientStreamRequest(...call, metadata, one);
  for (const question of questions) stream.write(question);
  stream.end();
} else {
  const stream = client.makeServerStreamRequest(...call, questions[0], metadata);
  stream.on("data", (answer) => console.log(answer));
  stream.on("error", () => {});
  stream.on("status", (status) => one(status));
}
