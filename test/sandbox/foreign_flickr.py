"""requests-oauthlib, which knows nothing of this project, authorizes as its users do with Flickr.

Called with the address of a sandbox, the app key and its secret; prints what happened as JSON.
"""

import json
import re
import sys
from urllib.parse import urljoin

import requests
from requests_oauthlib import OAuth1Session
from requests_oauthlib.oauth1_session import TokenRequestDenied

sandbox, app_key, app_secret = sys.argv[1:]
SERVICES = f"{sandbox}/flickr/services"


def open_session():
    session = OAuth1Session(app_key, client_secret=app_secret, callback_uri="oob")
    session.trust_env = False
    session.fetch_request_token(f"{SERVICES}/oauth/request_token")
    return session


def play_person(link):
    """Opens the link, names the account, presses the button and reads the digits."""
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(link)
    page.raise_for_status()
    fields = dict(re.findall(r'type="hidden"\s+name="(\w+)"\s+value="([^"]*)"', page.text))
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text).group(1)
    fields |= {"screen_name": "by_oauthlib", "action": "authorize"}
    answer = browser.post(urljoin(link, action), data=fields)
    answer.raise_for_status()
    return re.search(r"<code>([\d-]+)</code>", answer.text).group(1)


def call(session, method):
    query = {"method": method, "format": "json", "nojsoncallback": "1"}
    return session.get(f"{SERVICES}/rest", params=query).json()


def refused_without_dashes():
    session = open_session()
    verifier = play_person(session.authorization_url(f"{SERVICES}/oauth/authorize", perms="read"))
    try:
        session.fetch_access_token(f"{SERVICES}/oauth/access_token", verifier=verifier.replace("-", ""))
    except TokenRequestDenied as error:
        return str(error)


refused = refused_without_dashes()
session = open_session()
verifier = play_person(session.authorization_url(f"{SERVICES}/oauth/authorize", perms="delete"))
token = session.fetch_access_token(f"{SERVICES}/oauth/access_token", verifier=verifier)
checked = call(session, "flickr.auth.oauth.checkToken")
print(
    json.dumps(
        {
            "verifier": verifier,
            "token": [token["fullname"], token["user_nsid"], token["username"]],
            "login": call(session, "flickr.test.login"),
            "perms": checked["oauth"]["perms"]["_content"],
            "refused": refused,
        }
    )
)
