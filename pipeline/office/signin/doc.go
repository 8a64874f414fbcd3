// Package signin lets people sign in to the office with a browser: OpenID Connect with the code flow and PKCE, a
// cookie of the office's own, step-up for what weighs more, and a provider of its own for a machine that has none.
//
// Who signs in is the entry of users.yaml that issuer and subject name; role and zones come from that entry alone,
// never from a claim. A sign-in lives in PostgreSQL, so that every office knows it and its end: 15 minutes after its
// last use, 8 hours after its beginning, at sign-out, and as soon as its user's entry is changed or gone. Of the
// cookie only the SHA-256 is stored.
//
// [Service.Gate] stands before everything the office serves and holds the rules between sites; [Service.Handler]
// serves /auth/ and, with a provider of its own, /oidc/; [Service.Authenticate] tells the API who asks.
package signin
