/** Where the two servers are meant to differ, and why. */
export interface Difference {
  readonly why: string
  /** What this house's server answers. */
  readonly ours: string
  /** What oidc-provider answers. */
  readonly theirs: string
  /** The names of the requests. */
  readonly requests: readonly string[]
}

export const differences: readonly Difference[] = [
  {
    why: 'Where a user signs in is a page of ours; oidc-provider sends the browser to a page of the application’s own.',
    ours: '200',
    theirs: '303',
    requests: [
      'authorization',
      'authorization for a resource',
      'authorization with an unknown parameter',
      'authorization without a redirect URI',
      'authorization without a scope',
      'authorization without a state',
    ],
  },
  {
    why: 'Request objects are no part of ours, and what is unknown is ignored (RFC 6749 §3.1). The refusal is OpenID Connect’s (Core §6.1).',
    ours: '200',
    theirs: '303 request_not_supported',
    requests: ['authorization by a request object'],
  },
  {
    why: 'As for request objects: never fetched, and ignored (RFC 6749 §3.1).',
    ours: '200',
    theirs: '303 request_uri_not_supported',
    requests: ['authorization by a request URI'],
  },
  {
    why: 'An access token dies by itself: it may have leaked where its refresh token did not. RFC 7009 §2.1 leaves it open (decision 0002).',
    ours: '200',
    theirs: '400 invalid_grant',
    requests: ['refresh with a token whose access token was revoked'],
  },
  {
    why: 'Whatever the token is, the answer is the same, so that it tells nothing of other clients’ tokens.',
    ours: '200',
    theirs: '400 invalid_request',
    requests: ['revocation of another client’s token'],
  },
  {
    why: 'Ours binds a token to several resources (RFC 8707 §2); oidc-provider to one.',
    ours: '200',
    theirs: '400 invalid_target',
    requests: ['own token for two resources'],
  },
  {
    why: 'Who looks tokens up is a resource server, and a refresh token is nothing that one may accept.',
    ours: '200 inactive',
    theirs: '200 active',
    requests: ['look-up of a refresh token'],
  },
  {
    why: 'A code comes in the query alone, as the metadata says.',
    ours: '303 invalid_request',
    theirs: '303',
    requests: ['authorization by fragment'],
  },
  {
    why: 'The code unsupported_response_mode is oidc-provider’s own; RFC 6749 §4.1.2.1 has invalid_request.',
    ours: '303 invalid_request',
    theirs: '303 unsupported_response_mode',
    requests: ['authorization by an unknown mode'],
  },
  {
    why: 'A scope that nobody knows is refused; oidc-provider drops it. RFC 6749 §3.3 leaves it open.',
    ours: '303 invalid_scope',
    theirs: '303',
    requests: ['authorization with an unknown scope'],
  },
  {
    why: 'As in authorization requests: an unknown scope is refused, not dropped.',
    ours: '400 invalid_scope',
    theirs: '200',
    requests: ['own token with an unknown scope'],
  },
  {
    why: 'What no encoder writes is refused as a whole, in every parameter; oidc-provider takes it as it stands.',
    ours: '400 invalid_request',
    theirs: '200',
    requests: ['a broken percent sign'],
  },
  {
    why: 'As for other texts that no encoder writes: a control character is refused before anything is looked up.',
    ours: '400 invalid_request',
    theirs: '200 inactive',
    requests: ['look-up of a token with a NUL'],
  },
  {
    why: 'As for other texts that no encoder writes: who may be told of it is not known then.',
    ours: '400 invalid_request',
    theirs: '303',
    requests: ['authorization with a NUL in the state', 'authorization with a broken percent sign'],
  },
  {
    why: 'As for other texts that no encoder writes: refused before the scope is looked at.',
    ours: '400 invalid_request',
    theirs: '400 invalid_scope',
    requests: ['a NUL in a value', 'bytes that are no UTF-8'],
  },
  {
    why: 'A redirect URI that the authorization request named must be named again (RFC 6749 §4.1.3), also where the client has one only.',
    ours: '400 invalid_request',
    theirs: '200',
    requests: ['code without its redirect URI'],
  },
  {
    why: 'Of two redirect URIs none is trusted, so that the user is sent nowhere.',
    ours: '400 invalid_request',
    theirs: '303 invalid_request',
    requests: ['authorization with the redirect URI twice'],
  },
  {
    why: 'A page for the user, whose code no standard fixes: RFC 6749 §4.1.2.1 only forbids to redirect.',
    ours: '400 invalid_request',
    theirs: '400 invalid_client',
    requests: ['authorization of an unknown client', 'authorization with a client of wrong signs'],
  },
  {
    why: 'A page for the user, whose code no standard fixes; invalid_redirect_uri is of registrations (RFC 7591 §3.2.2).',
    ours: '400 invalid_request',
    theirs: '400 invalid_redirect_uri',
    requests: [
      'authorization of a client that may not',
      'authorization to a longer path',
      'authorization to a script',
      'authorization to elsewhere',
      'authorization to the host in capitals',
      'authorization to the path in capitals',
      'authorization with a fragment more',
      'authorization with a query more',
      'authorization with a user in the host',
      'authorization without TLS',
    ],
  },
  {
    why: 'oidc-provider takes the method POST only where it is switched on, and tells of no other method.',
    ours: '400 invalid_request',
    theirs: '404',
    requests: ['authorization in JSON'],
  },
  {
    why: 'RFC 6749 §5.2 has the code unauthorized_client for it.',
    ours: '400 unauthorized_client',
    theirs: '400 invalid_request',
    requests: [
      'a code grant that the client may not use',
      'a refresh grant that the client may not use',
      'own token that the client may not have',
      'public client, own token',
    ],
  },
  {
    why: 'A client that has registered one of the two ways to send its secret is refused the other.',
    ours: '401 invalid_client',
    theirs: '200',
    requests: ['secret in the form of a client for Basic'],
  },
  {
    why: 'As for a secret in the form; who uses the header is challenged (RFC 6749 §5.2).',
    ours: '401 invalid_client Basic',
    theirs: '200',
    requests: ['Basic of a client for the form'],
  },
  {
    why: 'An assertion is for this issuer alone: another audience could have had it made (RFC 9700, the update of RFC 7523; decision 0002).',
    ours: '401 invalid_client',
    theirs: '200',
    requests: ['assertion for the token endpoint', 'assertion for two'],
  },
  {
    why: 'Who has only said who it is may not look tokens up (RFC 7662 §2.1), and is told so.',
    ours: '401 invalid_client',
    theirs: '200 inactive',
    requests: ['look-up by a public client'],
  },
  {
    why: 'RFC 6749 §5.2 has invalid_client where authentication is missing or of an unknown kind; one answer for all that proves nothing tells a guesser nothing.',
    ours: '401 invalid_client',
    theirs: '400 invalid_request',
    requests: [
      'assertion of an unknown type',
      'assertion that is none',
      'assertion with another id',
      'assertion without its type',
      'assertion’s type without one',
      'secret in the form without an id',
    ],
  },
  {
    why: 'The same, with the challenge that RFC 6749 §5.2 wants for the header, and RFC 9110 §15.5.2 for a 401 to nothing at all.',
    ours: '401 invalid_client Basic',
    theirs: '400 invalid_request',
    requests: [
      'Basic that is no base64',
      'Basic without a colon',
      'Basic, empty id',
      'Basic, empty secret',
      'Basic, malformed encoding',
      'a Bearer token for credentials',
      'look-up by nobody',
      'no client',
      'revocation by nobody',
    ],
  },
  {
    why: 'A client that may look nothing up is told so, as its administrator forgot the scope; of single tokens it learns nothing either way.',
    ours: '403 insufficient_scope',
    theirs: '200 inactive',
    requests: ['look-up by a client that may not'],
  },
  {
    why: 'A known place with another method is a 405 with Allow (RFC 9110 §15.5.6).',
    ours: '405 invalid_request',
    theirs: '404',
    requests: [
      'authorization by PUT',
      'look-up by GET',
      'revocation by GET',
      'token by DELETE',
      'token by GET',
      'token by PUT',
    ],
  },
  {
    why: 'As for other methods; an answer to HEAD has no body.',
    ours: '405',
    theirs: '404',
    requests: ['token by HEAD'],
  },
  {
    why: 'A body that is too large has a status of its own (RFC 9110 §15.5.14).',
    ours: '413 invalid_request',
    theirs: '400 invalid_request',
    requests: ['token with a large body'],
  },
]
