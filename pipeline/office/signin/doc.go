// Package signin lets people sign in to the office with a browser. It offers OpenID Connect (code flow with PKCE), a
// session cookie, step-up before weighty actions, and the office's own provider for installations without a provider
// elsewhere.
//
// A sign-in belongs to a user in users.yaml, found by issuer and subject. Role and zones come from users.yaml only,
// never from a claim. PostgreSQL stores the sign-ins, so every office knows them. For the cookie, PostgreSQL has only
// the SHA-256.
//
// A sign-in ends 15 minutes after the last use, 8 hours after the beginning, at sign-out, and when the user's entry is
// changed or removed.
//
// [Service.Gate] checks every request to the office, and holds the rules about other sites. [Service.Handler] serves
// /auth/ and, with the office's own provider, /oidc/. [Service.Authenticate] tells the API which person sent a request.
package signin
