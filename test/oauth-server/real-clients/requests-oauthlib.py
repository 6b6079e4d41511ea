"""What a partner writes in Python to get tokens. It prints JSON; what a browser is to open is a line of its own."""

import json
import os
import sys
import time

from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

SERVER = os.environ["SERVER"]
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
TOKEN_URL = SERVER + "/oauth/token"
TIMEOUT_S = 10


def own_token(**way):
    session = OAuth2Session(client=BackendApplicationClient(client_id=CLIENT_ID, scope=["user"]))
    return session.fetch_token(token_url=TOKEN_URL, timeout=TIMEOUT_S, **way)


def user_token():
    refreshed = []
    session = OAuth2Session(
        CLIENT_ID,
        redirect_uri=os.environ["REDIRECT_URI"],
        scope=["user", "stats"],
        auto_refresh_url=TOKEN_URL,
        auto_refresh_kwargs={"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        token_updater=refreshed.append,
    )
    verifier = session._client.create_code_verifier(64)
    challenge = session._client.create_code_challenge(verifier, "S256")
    link, _ = session.authorization_url(
        SERVER + "/oauth/authorize", code_challenge=challenge, code_challenge_method="S256"
    )
    print(link, flush=True)
    first = session.fetch_token(
        TOKEN_URL,
        authorization_response=sys.stdin.readline().strip(),
        client_secret=CLIENT_SECRET,
        code_verifier=verifier,
        timeout=TIMEOUT_S,
    )
    # The library refreshes before a request when it takes its token for expired.
    session.token = {**first, "expires_at": time.time() - 1}
    session.get(SERVER + "/healthz", timeout=TIMEOUT_S)
    return {
        "first": first["access_token"],
        "refreshed": refreshed[0]["access_token"],
        "again": refusal_of(session, first["refresh_token"]),
    }


def refusal_of(session, refresh_token):
    try:
        session.refresh_token(
            TOKEN_URL,
            refresh_token=refresh_token,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            timeout=TIMEOUT_S,
        )
    except OAuth2Error as error:
        return error.error
    return "accepted"


PARTS = {
    "own-token-by-basic": lambda: own_token(client_secret=CLIENT_SECRET),
    "own-token-by-form": lambda: own_token(client_secret=CLIENT_SECRET, include_client_id=True),
    "user-token": user_token,
}

print(json.dumps(PARTS[sys.argv[1]]()))
