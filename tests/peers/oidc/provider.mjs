// A certified OpenID provider as a process of its own, on loopback. One JSON line on standard output says where it is;
// then it takes commands, a JSON object a line, from standard input and answers each with a line:
//   {"clients": [...], "people": {login: claims}, "keys": n}   begin, or begin anew with the n-th pair of keys
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const server = createServer();
const pairs = new Map();

function keys(number) {
  if (!pairs.has(number)) {
    const made = [
      { ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig" },
      { ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" },
    ];
    pairs.set(number, made.map((key) => ({ ...key, kid: `${key.alg}-${number}` })));
  }
  return { keys: pairs.get(number) };
}

function begin({ clients, people, keys: number }) {
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients,
    jwks: keys(number ?? 1),
    cookies: { keys: ["only for tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    pkce: { required: () => true },
    findAccount: (_, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  });
  server.removeAllListeners("request");
  server.on("request", provider.callback());
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` })}\n`);
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      begin(JSON.parse(line));
      process.stdout.write('{"done":true}\n');
    })
    .on("close", () => process.exit(0));
});
