/**
 * A real OpenID Connect provider for tests: `node oidc_provider.mjs <port>`.
 *
 * People are put by `PUT /control/people/<subject>` with their claims as JSON, at any time, and
 * removed by `DELETE`; `PUT /control/down` makes everything else answer 503 until `DELETE`.
 * Whoever is there signs in with any password.
 */
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const people = new Map();
let down = false;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'reprise',
      client_secret: 'a secret of the test client',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/'],
      post_logout_redirect_uris: ['http://127.0.0.1/'],
    },
  ],
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'groups'],
    email: ['email', 'email_verified'],
  },
  cookies: { keys: ['a key of the test provider'] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_context, accountId) =>
    people.has(accountId)
      ? { accountId, claims: () => ({ sub: accountId, ...people.get(accountId) }) }
      : undefined,
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  // No page asks for consent: an administrator has given it for all.
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      accountId: context.oidc.session.accountId,
      clientId: context.oidc.client.clientId,
    });
    grant.addOIDCScope('openid profile email offline_access');
    await grant.save();
    return grant;
  },
});

// The service's port is chosen by each test.
const isLocal = (address) => ['127.0.0.1', 'localhost'].includes(new URL(address).hostname);
provider.Client.prototype.redirectUriAllowed = isLocal;
provider.Client.prototype.postLogoutRedirectUriAllowed = isLocal;

const answer = provider.callback();

async function control(request, response) {
  const [, , what, subject] = request.url.split('/');
  let body = '';
  for await (const part of request) body += part;
  if (what === 'down') down = request.method === 'PUT';
  else if (request.method === 'PUT') people.set(decodeURIComponent(subject), JSON.parse(body));
  else people.delete(decodeURIComponent(subject));
  response.writeHead(204).end();
}

createServer((request, response) => {
  if (request.url.startsWith('/control/')) control(request, response);
  else if (down) response.writeHead(503).end();
  else answer(request, response);
}).listen(port, '127.0.0.1', () => console.log('ready'));
