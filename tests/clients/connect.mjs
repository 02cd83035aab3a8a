// What @connectrpc/connect-node hears of a suite, by each of its protocols: a line of JSON for each.
//   node connect.mjs URL DESCRIPTORS PASSWORD
import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";

const [url, descriptors, password] = process.argv.slice(2);
const files = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
// A client asks by GET only for what its contract says has no effect; ours does not say so.
for (const file of files.file) {
  for (const method of file.service.flatMap((service) => service.method)) {
    if (method.name === "ListOrgUnits") {
      method.options ??= create(MethodOptionsSchema);
      method.options.idempotencyLevel = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    }
  }
}
const registry = createFileRegistry(files);

// What may be kept by the caller was asked by GET.
const kept = [];
const interceptors = [
  (next) => async (request) => {
    const answer = await next(request);
    if (answer.header.get("cache-control")?.startsWith("private")) kept.push(request.method.name);
    return answer;
  },
];
const common = { baseUrl: url, interceptors };
const transports = {
  "connect json 1.1": createConnectTransport({ ...common, httpVersion: "1.1", useBinaryFormat: false, useHttpGet: true }),
  "connect proto 1.1": createConnectTransport({ ...common, httpVersion: "1.1", useHttpGet: true }),
  "connect json 2": createConnectTransport({ ...common, httpVersion: "2", useBinaryFormat: false }),
  "connect gzip 2": createConnectTransport({ ...common, httpVersion: "2", sendCompression: compressionGzip, compressMinBytes: 1 }),
  "grpc-web 1.1": createGrpcWebTransport({ ...common, httpVersion: "1.1" }),
  "grpc-web 2": createGrpcWebTransport({ ...common, httpVersion: "2" }),
  grpc: createGrpcTransport(common),
};

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    const refused = ConnectError.from(error);
    return { code: Code[refused.code], message: refused.rawMessage, details: refused.details.map((one) => one.type) };
  }
}

for (const [transport, way] of Object.entries(transports)) {
  kept.length = 0;
  const of = (name) => createClient(registry.getService(name), way);
  const sessions = of("tally.identity.v1.SessionService");
  const signedIn = async (login) => {
    const { accessToken } = await sessions.signIn({ login, password });
    return { headers: { authorization: `Bearer ${accessToken}`, "accept-language": "zh-CN" } };
  };
  const [admin, hr] = [await signedIn("admin"), await signedIn("hr")];
  const { units } = await of("tally.identity.v1.OrgService").listOrgUnits({ pageSize: 10 }, admin);
  const tables = [];
  for await (const { piece } of of("tally.identity.v1.TenantService").exportTenant({}, admin)) {
    tables.push(piece.table);
  }
  async function* parts() {
    yield { rows: [{ measure: "nothing", from: "2026-02-03", value: "4", source: "school" }] };
    yield { rows: [{ measure: "nothing", from: "2026-02-04", value: "5", source: "school" }] };
  }
  const { result } = await of("tally.performance.v1.ObservationService").streamObservations(parts(), hr);
  const cycles = of("tally.performance.v1.CycleService");
  const cycleId = "01977f2e-8a4c-7d31-9b52-6f0c1e2d3a4b";
  const unknown = await refusal(() => cycles.getCycle({ cycleId }, admin));
  const watched = await refusal(async () => {
    for await (const _ of cycles.watchCycle({ cycleId }, admin));
  });
  const nobody = await refusal(() => cycles.getCycle({ cycleId }));
  const problems = result.problems.map((one) => one.index);
  const names = units.map((unit) => unit.name);
  const told = { transport, kept, names, tables, problems, unknown, watched, nobody };
  console.log(JSON.stringify(told));
}
// Connections of HTTP/2 are kept, and nobody needs them any more.
process.exit(0);
