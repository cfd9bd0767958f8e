// A real OpenID provider that is configured like a realm of Keycloak: its paths, its claims, its offline
// tokens. Tests get tokens by the password grant, with the claims that they say.
//
// node realm.mjs FOLDER PORT: FOLDER has the node_modules, PORT 0 takes a free one. Prints the port.
// POST /control {"rotate": true} signs with a new key, {"forget": true} drops the older ones,
// {"pause": 1500} answers each request that much later; GET /control counts requests by their paths.

import { createHmac, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, wanted] = process.argv.slice(2);
const found = createRequire(`${folder}/`).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(found).href);

const REALM = "/realms/desk";
const AUDIENCE = "urn:polydesk";
const BODY = "protocol/openid-connect";
const secret = randomBytes(64);
const people = new Map(); // what each account's tokens say
const counts = new Map();
let keys = [];
let pause = 0;
let provider;
let issuer;

function newKeys() {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const named = { use: "sig" };
  return [
    { ...rsa.export({ format: "jwk" }), ...named, alg: "RS256", kid: randomUUID() },
    { ...rsa.export({ format: "jwk" }), ...named, alg: "PS256", kid: randomUUID() },
    { ...ec.export({ format: "jwk" }), ...named, alg: "ES256", kid: randomUUID() },
  ];
}

function said(account) {
  return people.get(account);
}

function configuration() {
  return {
    jwks: { keys },
    clients: [
      {
        client_id: "polydesk",
        client_secret: "polydesk-secret",
        grant_types: ["password", "refresh_token"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    scopes: ["openid", "offline_access"],
    routes: { jwks: `/${BODY}/certs`, token: `/${BODY}/token` },
    clientAuthMethods: ["client_secret_post", "client_secret_basic"],
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256"] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    rotateRefreshToken: false,
    ttl: { RefreshToken: 86_400, Grant: 86_400 },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx) => {
          const { alg, ttl, audience } = said(accountOf(ctx));
          return {
            scope: "offline_access",
            audience: audience ?? "polydesk",
            accessTokenFormat: "jwt",
            accessTokenTTL: ttl ?? 300,
            jwt: { sign: { alg: alg ?? "RS256" } },
          };
        },
      },
    },
    extraTokenClaims: (_, token) => ({ typ: "Bearer", azp: "polydesk", ...said(token.accountId).claims }),
    formats: {
      customizers: {
        jwt: (_, __, token) => {
          token.header = { typ: "JWT" }; // as Keycloak has it
        },
      },
    },
  };
}

function accountOf(ctx) {
  return ctx.oidc.entities.Account.accountId;
}

async function byPassword(ctx) {
  const { username, password, scope } = ctx.oidc.params;
  if (password !== "sesame") {
    ctx.status = 401;
    ctx.body = { error: "invalid_grant", error_description: "Invalid user credentials" };
    return;
  }
  const accountId = randomUUID();
  people.set(accountId, JSON.parse(username));
  const { client } = ctx.oidc;
  ctx.oidc.entity("Account", { accountId });
  const grant = new ctx.oidc.provider.Grant({ accountId, clientId: client.clientId });
  grant.addResourceScope(AUDIENCE, "offline_access");
  const shared = { accountId, client, grantId: await grant.save(), gty: "password", scope };
  const token = new ctx.oidc.provider.AccessToken(shared);
  const info = configuration().features.resourceIndicators.getResourceServerInfo(ctx);
  token.resourceServer = new ctx.oidc.provider.ResourceServer(AUDIENCE, info);
  const access_token = await token.save();
  const more = { resource: AUDIENCE, scope: "offline_access" };
  const refresh_token = await new ctx.oidc.provider.RefreshToken({ ...shared, ...more }).save();
  ctx.body = { access_token, refresh_token, expires_in: token.expiration, token_type: "Bearer" };
}

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// Keycloak's refresh tokens are JWTs that the realm signs for itself (HS512); those of the scope
// offline_access have no end and say so: `typ` is Offline.
function sealed(jti, account) {
  const head = base64({ alg: "HS512", typ: "JWT", kid: "realm" });
  const body = base64({ iss: issuer, aud: issuer, sub: account, typ: "Offline", azp: "polydesk", jti });
  const mac = createHmac("sha512", secret).update(`${head}.${body}`).digest("base64url");
  return `${head}.${body}.${mac}`;
}

function unsealed(token) {
  const [head, body, mac] = token.split(".");
  const right = createHmac("sha512", secret).update(`${head}.${body}`).digest("base64url");
  return mac === right ? JSON.parse(Buffer.from(body, "base64url")).jti : undefined;
}

function opened() {
  const made = new Provider(issuer, configuration());
  made.registerGrantType("password", byPassword, ["username", "password", "scope"]);
  const { RefreshToken } = made;
  const { find } = RefreshToken;
  const { save } = RefreshToken.prototype;
  RefreshToken.find = function (token, ...more) {
    return find.call(this, unsealed(token), ...more);
  };
  RefreshToken.prototype.save = async function () {
    return sealed(await save.call(this), this.accountId);
  };
  made.on("server_error", (_, error) => process.stderr.write(`${error.stack}\n`));
  return made.callback();
}

function control(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const asked = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    if (asked.rotate) keys = [...newKeys(), ...keys];
    if (asked.forget) keys = keys.slice(0, 3);
    if (asked.rotate || asked.forget) provider = opened();
    pause = asked.pause ?? pause;
    response.end(JSON.stringify(Object.fromEntries(counts)));
  });
}

const server = createServer((request, response) => {
  if (request.url === "/control") return control(request, response);
  counts.set(request.url, (counts.get(request.url) ?? 0) + 1);
  setTimeout(() => {
    request.originalUrl = request.url;
    request.url = request.url.replace(REALM, "") || "/";
    provider(request, response);
  }, pause);
});
server.listen(Number(wanted), "127.0.0.1", () => {
  const { port } = server.address();
  issuer = `http://127.0.0.1:${port}${REALM}`;
  keys = newKeys();
  provider = opened();
  process.stdout.write(`${port}\n`);
});
