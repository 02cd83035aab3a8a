// A real OpenID provider for the tests: oidc-provider on a free port of the loopback, everybody's e-mail address is
// NAME@aurora.example. Prints its issuer; each line on the standard input is a command: "rotate" takes another key to
// sign with, under the same issuer. Ends with its standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const [, , redirect, secret] = process.argv;
const server = createServer((request, response) => current(request, response));
let current;
let keys = 0;

function open(issuer) {
  keys += 1;
  const { privateKey } = generateKeyPairSync(...(keys % 2 ? ['rsa', { modulusLength: 2048 }] : ['ec', { namedCurve: 'P-256' }]));
  const alg = keys % 2 ? 'RS256' : 'ES256';
  const client = (id, rest) => ({
    client_id: id,
    redirect_uris: [redirect],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    id_token_signed_response_alg: alg,
    ...rest,
  });
  const provider = new Provider(issuer, {
    clients: [
      client('tally', { client_secret: secret }),
      client('public', { token_endpoint_auth_method: 'none' }),
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `key-${keys}` }] },
    cookies: { keys: ['of the tests'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@aurora.example`, email_verified: id !== 'mallory' }),
    }),
  });
  current = provider.callback();
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  open(issuer);
  console.log(`issuer ${issuer}`);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      if (line === 'rotate') open(issuer);
      console.log(`done ${line}`);
    })
    .on('close', () => process.exit(0));
});
