"""Single sign-on by OpenID Connect: who somebody is, and what their groups let them do.

The provider says it at sign-in, and is asked again for everybody who has a session
(`recheck`). People are known by issuer and subject, never by a name or an address of mail.
Nothing here is active without REPRISE_OIDC_ISSUER.
"""
